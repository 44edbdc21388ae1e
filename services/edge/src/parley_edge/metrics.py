"""What the edge counts. Labels never hold users or sessions."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CONNECTIONS = Gauge("parley_edge_connections", "Open WebSocket connections")
DRAINING = Gauge("parley_edge_draining", "1 while this process drains")
SUBSCRIPTIONS = Gauge("parley_edge_subscriptions", "Channels that this process hears")
TASKS = Gauge("parley_edge_tasks", "Tasks of the event loop")
ACK_SECONDS = Histogram(
    "parley_ack_seconds",
    "From a text's arrival to its place in the log",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
TURNED_AWAY = Counter(
    "parley_edge_handshakes_turned_away",
    "Handshakes and streams that were answered 503 because too many came at once",
    ["kind"],
)
