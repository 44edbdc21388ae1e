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

SEED = 20_261_121
QUICK = {"RESPONDER_PAUSES": "off"}
WANDERING = {"PARLEY_GRAPH": "parley_testing.graphs:wandering"}

Scenario = Callable[[Stack, Path], Awaitable[Run]]


@dataclass(frozen=True)
class Case:
    """A safeguard, what breaks without it, and the run in which that shows."""

    safeguard: str
    breaks: Invariant
    env: dict[str, str]
    scenario: Scenario


async def killed_workers(stack: Stack, folder: Path) -> Run:
    del folder
    load = Load(url=stack.url, clients=8, messages=None, seed=SEED, timeout=8)
    return await scenarios.kills(stack, load, running=2, with_delta=1, limit=20)


async def cut_appends(stack: Stack, folder: Path) -> Run:
    del folder
    load = Load(url=stack.url, clients=6, messages=None, seed=SEED, timeout=10)
    dice = random.Random(SEED)
    return await scenarios.cut_replies(
        stack, load, scripts=("append",), each=4, limit=15, dice=dice
    )


async def frozen_worker(stack: Stack, folder: Path) -> Run:
    del folder
    load = Load(url=stack.url, clients=6, messages=None, seed=SEED, timeout=15)
    return await scenarios.zombies(stack, load, wanted=1, limit=8)


async def put_back(stack: Stack, folder: Path) -> Run:
    load = Load(url=stack.url, clients=6, messages=None, devices=2, seed=SEED, timeout=8)
    return await scenarios.lost_tail(stack, load, folder=folder / "copy", seconds=3)


async def resumed_under_load(stack: Stack, folder: Path) -> Run:
    del folder
    # A slow Redis makes the time between subscribing and having read the log long enough to hit.
    stack.proxy.delay(0.02)
    load = Load(
        url=stack.url,
        clients=8,
        messages=None,
        devices=2,
        rate=1.0,
        drop_every=0.2,
        seed=SEED,
        timeout=10,
    )
    return await scenarios.droppers(load, seconds=8)


CASES = [
    Case("atomic-commit", Invariant.NO_LOSS, {}, killed_workers),
    Case("message-ids", Invariant.NO_DOUBLE, QUICK, cut_appends),
    Case("buffered-attach", Invariant.ORDER, QUICK, resumed_under_load),
    Case("position-proof", Invariant.HONEST_GAP, QUICK, put_back),
    Case("fence", Invariant.WHOLE_TEXT, WANDERING, frozen_worker),
]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.safeguard)
async def test_without_its_safeguard_exactly_that_invariant_breaks(
    tmp_path: Path, case: Case
) -> None:
    async with Stack(tmp_path, env=case.env, ablation=case.safeguard) as stack:
        run = await case.scenario(stack, tmp_path)

    print(run.report(f"without {case.safeguard}"))
    assert run.broken == {case.breaks}


@pytest.mark.full
@pytest.mark.timeout(150)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.safeguard)
async def test_its_green_twin_breaks_nothing(tmp_path: Path, case: Case) -> None:
    async with Stack(tmp_path, env=case.env) as stack:
        run = await case.scenario(stack, tmp_path)

    print(run.report(f"with {case.safeguard}"))
    assert run.broken == set()
