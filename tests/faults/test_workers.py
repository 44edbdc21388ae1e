"""Workers killed, frozen and drained while their nodes have side effects: none happens again.

But for those of nodes that were running when their worker was killed or frozen.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from parley.bench.load import Load
from parley_testing.repeats import SETTLED, Kind
from parley_testing.worker_faults import WorkRun, stack_with_journal, worker_faults

SEED = 20_261_125


@pytest.mark.timeout(120)
async def test_only_nodes_that_were_running_run_again(
    tmp_path: Path, seed: int, dice: random.Random
) -> None:
    run = await _run(tmp_path, clients=30, seconds=1, seed=seed, dice=dice)

    _holds(run)
    assert run.struck >= 10


@pytest.mark.timeout(150)
async def test_without_kept_writes_finished_branches_run_again(tmp_path: Path) -> None:
    run = await _one_branch_over(tmp_path, ablation="kept-writes")

    assert (run.violations, run.failed, run.incomplete) == ([], 0, [])
    assert run.repeated
    assert all(each.startswith("quick of turn") for each in run.repeated)


@pytest.mark.full
@pytest.mark.timeout(150)
async def test_its_green_twin_repeats_nothing(tmp_path: Path) -> None:
    run = await _one_branch_over(tmp_path, ablation=None)

    assert (run.violations, run.failed, run.incomplete) == ([], 0, [])
    assert run.repeated == []


async def _one_branch_over(folder: Path, *, ablation: str | None) -> WorkRun:
    """Workers killed when one branch of a turn has ended and the other runs on."""
    return await _run(
        folder,
        clients=20,
        seconds=12,
        seed=SEED,
        dice=random.Random(SEED),
        kinds=(Kind.KILL,),
        aimed=True,
        ablation=ablation,
    )


@pytest.mark.full
@pytest.mark.timeout(400)
async def test_two_hundred_conversations_outlive_two_minutes_of_faults(
    tmp_path: Path, seed: int, dice: random.Random
) -> None:
    # So many on one machine wait for each other: what a node wrote may be under way for longer.
    run = await _run(tmp_path, clients=200, seconds=120, seed=seed, dice=dice, settled=2.0)

    _holds(run)
    assert run.struck >= 60


def _holds(run: WorkRun) -> None:
    """Every turn answered once, none failed, nothing repeated that had finished."""
    assert run.violations == []
    assert run.failed == 0
    assert run.repeated == []
    assert run.incomplete == []
    assert {fault.kind for fault in run.faults} == set(Kind)


async def _run(
    folder: Path,
    *,
    clients: int,
    seconds: float,
    seed: int,
    dice: random.Random,
    kinds: tuple[Kind, ...] = tuple(Kind),
    aimed: bool = False,
    settled: float = SETTLED,
    ablation: str | None = None,
) -> WorkRun:
    async with stack_with_journal(folder, ablation=ablation) as stack:
        load = Load(url=stack.url, clients=clients, messages=None, seed=seed)
        run = await worker_faults(
            stack,
            load,
            seconds=seconds,
            dice=dice,
            kinds=kinds,
            aimed=aimed,
            settled=settled,
        )
    print(run.report("workers"))
    return run
