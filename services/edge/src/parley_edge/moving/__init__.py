"""Sending connections to other edges: drains, rebalances, and their pace."""
