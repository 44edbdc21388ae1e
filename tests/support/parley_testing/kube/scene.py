"""A release under load while something is done to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from parley.bench.load import Load
from parley_testing.journal import NodeRun
from parley_testing.kube.playground import Playground
from parley_testing.kube.verdict import Verdict, Window, verdict
from parley_testing.scenarios import Run, talking

CLIENTS = 200
RATE = 0.1
"""Texts a second of each: one every 10 s."""
PATIENCE = 90.0
"""Seconds for an ack and for an answer; a frozen edge is found out after 18."""
_UNDER_WAY_WITHIN = 60.0


@dataclass(slots=True)
class Scene:
    """What the clients and the nodes wrote down."""

    run: Run = field(default_factory=Run)
    runs: Sequence[NodeRun] = ()
    window: Window = field(default_factory=lambda: Window(0.0, 0.0))

    @asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        """What is done inside is what the acknowledgements are measured during."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.window = Window(begin, time.monotonic())

    def verdict(self, *, lost_tail: bool = False) -> Verdict:
        return verdict(self.run.history, self.runs, window=self.window, lost_tail=lost_tail)


@asynccontextmanager
async def under_load(
    ground: Playground, *, clients: int = CLIENTS, rate: float = RATE
) -> AsyncIterator[Scene]:
    """Real clients talk inside; outside all they said has been answered, or given up."""
    scene = Scene()
    before, known = await ground.journal.newest(), await ground.journal.entries()
    load = Load(
        url=ground.url,
        clients=clients,
        messages=None,
        rate=rate,
        begin_within=1 / rate,
        timeout=PATIENCE,
    )
    async with talking(load, scene.run):
        async with asyncio.timeout(_UNDER_WAY_WITHIN):
            # Each client's first turn begins a node, and most have ended one.
            while await ground.journal.entries() < known + 3 * clients:
                await asyncio.sleep(1)
        yield scene
    scene.runs = await ground.journal.runs(after=before)
