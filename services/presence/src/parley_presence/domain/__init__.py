"""Rules of this service: pure functions and frozen values."""
