"""What the tests of the Helm chart stand on."""
