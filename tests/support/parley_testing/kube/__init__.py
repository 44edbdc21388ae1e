"""A release on a Kubernetes cluster: installed, struck and judged from outside."""
