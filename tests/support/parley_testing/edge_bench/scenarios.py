"""All scenarios by name, with their sizes, and how sizes are changed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import msgspec

from parley_testing.edge_bench.compression import Compression, compression
from parley_testing.edge_bench.deltas import Deltas, deltas
from parley_testing.edge_bench.drain import Drain, drain
from parley_testing.edge_bench.echo import Echo, echo
from parley_testing.edge_bench.fanout import Fanout, fanout
from parley_testing.edge_bench.figures import Report
from parley_testing.edge_bench.leaks import Leaks, leaks
from parley_testing.edge_bench.memory import Memory, memory
from parley_testing.edge_bench.slow import Slow, slow
from parley_testing.edge_bench.storm import Storm, storm

Scenario = Callable[[Any], Coroutine[Any, Any, Report]]

SCENARIOS: Mapping[str, tuple[Scenario, Any]] = {
    "fanout": (fanout, Fanout()),
    "memory": (memory, Memory()),
    "echo": (echo, Echo()),
    "deltas": (deltas, Deltas()),
    "compression": (compression, Compression()),
    "storm": (storm, Storm()),
    "drain": (drain, Drain()),
    "slow": (slow, Slow()),
    "leaks": (leaks, Leaks()),
}
"""What is run, and the size that the figures of the project are about."""


def sized(changes: Iterable[str]) -> dict[str, Any]:
    """The size of each scenario, with changes like `fanout.connections=100`; values are JSON.

    Raises ValueError for what does not exist or does not fit.
    """
    sizes = {name: size for name, (_, size) in SCENARIOS.items()}
    for change in changes:
        name, _, value = change.partition("=")
        scenario, _, field = name.partition(".")
        fields = msgspec.to_builtins(sizes.get(scenario, {}))
        if field not in fields:
            raise ValueError(f"there is no size {name}; --sizes shows all")
        fields[field] = msgspec.json.decode(value)
        sizes[scenario] = msgspec.convert(fields, type(sizes[scenario]))
    return sizes


def shown(sizes: Mapping[str, Any]) -> Iterable[str]:
    """Each size as it would be given."""
    for scenario, size in sizes.items():
        for field, value in msgspec.to_builtins(size).items():
            yield f"{scenario}.{field}={msgspec.json.encode(value).decode()}"
