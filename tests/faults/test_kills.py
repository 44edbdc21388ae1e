"""Every edge and worker of `make up` killed in turn, under load: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.bench.load import Load
from parley_testing import scenarios
from parley_testing.supervised import Supervised


@pytest.mark.timeout(120)
async def test_nothing_is_lost_when_processes_are_killed(tmp_path: Path, seed: int) -> None:
    async with Supervised(tmp_path) as system:
        load = Load(url=system.url, clients=10, messages=None, devices=2, seed=seed)

        run = await scenarios.kills(system, load, running=2, with_delta=1, limit=40)

    print(run.report("kills"))
    assert run.violations == []
    assert run.counts["kills while a turn ran"] >= 2
    assert run.counts["slowest takeover (s)"] <= 3


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("evict", "within"), [(True, 3.0), (False, 8.0)])
async def test_twenty_kills_hit_running_turns(
    tmp_path: Path, seed: int, *, evict: bool, within: float
) -> None:
    async with Supervised(tmp_path, evict=evict) as system:
        load = Load(url=system.url, clients=30, messages=None, devices=2, seed=seed)

        run = await scenarios.kills(system, load, running=20, with_delta=5, limit=400)

    print(run.report(f"kills, evict {evict}"))
    assert run.violations == []
    assert run.counts["kills while a turn ran"] >= 20
    assert run.counts["kills after a delta"] >= 5
    assert run.counts["slowest takeover (s)"] <= within
