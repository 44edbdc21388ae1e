"""Load from real clients, their own records of it, and the judge of those records."""
