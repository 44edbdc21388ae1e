"""A worker that was frozen past its lease wakes up: whatever it still writes is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.bench.load import Load
from parley_testing import scenarios
from parley_testing.stack import Stack

WANDERING = {"PARLEY_GRAPH": "parley_testing.graphs:wandering"}


@pytest.mark.timeout(120)
async def test_a_thawed_worker_changes_nothing(tmp_path: Path, seed: int) -> None:
    async with Stack(tmp_path, env=WANDERING) as stack:
        load = Load(url=stack.url, clients=6, messages=None, devices=2, seed=seed)

        run = await scenarios.zombies(stack, load, wanted=1, limit=60)

    print(run.report("zombies"))
    assert run.violations == []
    assert run.counts["stale writes refused"] >= 1


@pytest.mark.full
@pytest.mark.timeout(400)
async def test_five_late_writes_are_refused(tmp_path: Path, seed: int) -> None:
    async with Stack(tmp_path, env=WANDERING) as stack:
        load = Load(url=stack.url, clients=12, messages=None, devices=2, seed=seed)

        run = await scenarios.zombies(stack, load, wanted=5, limit=240)

    print(run.report("zombies"))
    assert run.violations == []
    assert run.counts["stale writes refused"] >= 5
