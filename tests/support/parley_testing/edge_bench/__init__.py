"""What an edge costs, beside servers that do less: the parts of `make bench-edge`."""
