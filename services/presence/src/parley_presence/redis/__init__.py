"""Adapters of this service on Redis."""
