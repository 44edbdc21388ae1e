"""One load, driven, judged and measured."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from parley.bench.checker import check
from parley.bench.figures import Figures, measure
from parley.bench.load import Load, drive
from parley.bench.record import History
from parley.bench.violations import Violation


@dataclass(frozen=True, slots=True)
class Trial:
    """What the clients recorded, what the judge found in it, and the figures."""

    history: History
    violations: list[Violation]
    figures: Figures


def run(load: Load) -> Trial:
    """Drive `load` to its end on an event loop of its own."""
    wall, cpu = time.monotonic(), time.process_time()
    history = asyncio.run(drive(load))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    violations = check(history)
    figures = measure(history, violations=violations, wall=wall, client_cpu=cpu)
    return Trial(history, violations, figures)
