"""Rules: what is going, what is gone, and what follows. No clock, no network."""
