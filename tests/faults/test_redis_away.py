"""Redis cut off, restarted, and put back to an earlier state, under load."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.bench.load import Load
from parley_testing import scenarios
from parley_testing.stack import Stack

QUICK = {"RESPONDER_PAUSES": "off"}


@pytest.mark.timeout(120)
async def test_a_short_absence_of_redis_loses_nothing(tmp_path: Path, seed: int) -> None:
    async with Stack(tmp_path, env=QUICK) as stack:
        load = Load(url=stack.url, clients=8, messages=None, devices=2, rate=1.0, seed=seed)

        run = await scenarios.redis_away(stack, load, cut=4.0, restarts=1)

    print(run.report("redis away"))
    assert run.violations == []
    assert run.counts["UNAVAILABLE told"] > 0
    assert run.counts["second attempts"] == 0


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_ten_seconds_without_redis_and_three_restarts_lose_nothing(
    tmp_path: Path, seed: int
) -> None:
    async with Stack(tmp_path, env=QUICK) as stack:
        load = Load(url=stack.url, clients=30, messages=None, devices=2, rate=0.5, seed=seed)

        run = await scenarios.redis_away(stack, load, cut=10.0, restarts=3)

    print(run.report("redis away"))
    assert run.violations == []
    assert run.counts["UNAVAILABLE told"] > 0
    assert run.counts["second attempts"] == 0


@pytest.mark.timeout(120)
async def test_a_lost_tail_is_told_to_everybody_who_saw_it(tmp_path: Path, seed: int) -> None:
    async with Stack(tmp_path, env=QUICK) as stack:
        load = Load(
            url=stack.url, clients=8, messages=None, devices=2, rate=4.0, timeout=15, seed=seed
        )

        run = await scenarios.lost_tail(stack, load, folder=tmp_path / "copy", seconds=3)

    print(run.report("lost tail"))
    assert run.violations == []
    assert run.counts["devices told"] == 16
