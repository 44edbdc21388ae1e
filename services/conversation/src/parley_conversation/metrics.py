"""What the service counts."""

from __future__ import annotations

from prometheus_client import Gauge, Histogram

TURNS_RUNNING = Gauge("parley_turns_running", "Turns that run in this process.")
OLDEST = Gauge(
    "parley_mailbox_oldest_seconds",
    "How long the oldest session with work has waited for a worker.",
)
TURN_SECONDS = Histogram(
    "parley_turn_seconds",
    "One attempt at one item of a mailbox, from its claim to its commit.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
