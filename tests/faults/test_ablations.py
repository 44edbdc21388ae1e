"""Each safeguard switched off: the judge must find exactly its invariant broken.

A judge that never found anything proves nothing. The green twin is the same scenario on the same
seed and load, with the safeguard on.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from parley.bench.load import Load
from parley.bench.violations import Invariant
from parley_testing import scenarios
from parley_testing.scenarios import Run
from parley_testing.stack import Stack
from parley_testing.supervised import Supervised

SEED = 20_261_121
QUICK = {"RESPONDER_PAUSES": "off"}
WANDERING = {"PARLEY_GRAPH": "parley_testing.graphs:wandering"}

Scenario = Callable[[Path, str | None], Awaitable[Run]]
"""Runs in a folder, with a safeguard switched off or with all."""


@dataclass(frozen=True)
class Case:
    """A safeguard, what breaks without it, and the run in which that shows."""

    safeguard: str
    breaks: Invariant
    scenario: Scenario


async def killed_workers(folder: Path, ablation: str | None) -> Run:
    async with Supervised(folder, ablation=ablation) as system:
        load = Load(url=system.url, clients=8, messages=None, seed=SEED, timeout=8)
        return await scenarios.kills(system, load, running=2, with_delta=1, limit=20)


async def cut_before_the_ack(folder: Path, ablation: str | None) -> Run:
    async with Stack(folder, env=QUICK, ablation=ablation) as stack:
        load = Load(url=stack.url, clients=6, messages=None, seed=SEED, timeout=20)
        # Each cut makes a text that was accepted come again: no chance decides whether one does.
        return await scenarios.cut_replies(
            stack, load, scripts=("append",), each=5, limit=40, dice=random.Random(SEED)
        )


async def resumed_under_load(folder: Path, ablation: str | None) -> Run:
    async with Stack(folder, env=QUICK, ablation=ablation) as stack:
        # A slow Redis makes the time between subscribing and having read the log long enough.
        stack.proxy.delay(0.02)
        load = Load(
            url=stack.url,
            clients=14,
            messages=None,
            devices=2,
            rate=1.0,
            # Longer than a connection must live for the next try to come at once.
            drop_every=1.2,
            seed=SEED,
            timeout=10,
        )
        return await scenarios.droppers(load, seconds=10)


async def put_back(folder: Path, ablation: str | None) -> Run:
    async with Stack(folder, env=QUICK, ablation=ablation) as stack:
        load = Load(
            url=stack.url, clients=6, messages=None, devices=2, rate=4.0, seed=SEED, timeout=15
        )
        return await scenarios.lost_tail(stack, load, folder=folder / "copy", seconds=3)


async def frozen_worker(folder: Path, ablation: str | None) -> Run:
    async with Stack(folder, env=WANDERING, ablation=ablation) as stack:
        load = Load(url=stack.url, clients=6, messages=None, seed=SEED, timeout=15)
        return await scenarios.zombies(stack, load, wanted=1, limit=8)


CASES = [
    Case("atomic-commit", Invariant.NO_LOSS, killed_workers),
    Case("message-ids", Invariant.NO_DOUBLE, cut_before_the_ack),
    Case("buffered-attach", Invariant.ORDER, resumed_under_load),
    Case("position-proof", Invariant.HONEST_GAP, put_back),
    Case("fence", Invariant.WHOLE_TEXT, frozen_worker),
]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.safeguard)
async def test_without_its_safeguard_exactly_that_invariant_breaks(
    tmp_path: Path, case: Case
) -> None:
    run = await case.scenario(tmp_path, case.safeguard)

    print(run.report(f"without {case.safeguard}"))
    assert run.broken == {case.breaks}


@pytest.mark.full
@pytest.mark.timeout(150)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.safeguard)
async def test_its_green_twin_breaks_nothing(tmp_path: Path, case: Case) -> None:
    run = await case.scenario(tmp_path, None)

    print(run.report(f"with {case.safeguard}"))
    assert run.broken == set()
