"""What this service counts. No label holds a user."""

from __future__ import annotations

from prometheus_client import Counter

ANNOUNCED = Counter(
    "parley_presence_announced_total",
    "Users who came or went, as told to those who watch",
    ["state"],
)
REAPED = Counter(
    "parley_presence_reaped_connections_total", "Connections taken from processes that died"
)
