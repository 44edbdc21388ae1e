"""What the operator counts. No label holds a pod: rollouts would make new ones for ever."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

QUIET = Gauge(
    "parley_operator_watch_age_seconds", "Since the last event of the watch or the last full look"
)
PODS = Gauge("parley_operator_pods", "Pods of the release", ["component"])
DRAINING = Gauge("parley_operator_drains_running", "Pods that are being emptied")
DRAINS = Counter("parley_operator_drains", "Drains that were begun", ["reason"])
MOVED = Counter("parley_operator_moved", "Connections and sessions that drains moved")
LOST = Counter("parley_operator_lost", "Connections and sessions that drains had to cut")
EVICTED = Counter(
    "parley_operator_evicted_processes", "Processes that were taken for dead", ["reason"]
)
SESSIONS = Counter("parley_operator_evicted_sessions", "Sessions that dead processes handed back")
REAPED = Counter(
    "parley_operator_reaped_connections", "Connections that were taken from dead processes"
)
EVICTION_SECONDS = Histogram(
    "parley_operator_eviction_seconds",
    "From the news of a death to its sessions being free",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
REBALANCES = Counter("parley_operator_rebalances", "Edges that were asked to send a share on")
RETRIES = Counter("parley_operator_retries", "Steps that failed and are repeated", ["step"])
