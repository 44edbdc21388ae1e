"""Parley's operator on Kubernetes: drains what is going, hands on what is gone."""
