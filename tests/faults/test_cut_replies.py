"""Connections to Redis cut after a script was executed and before its reply."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from parley.bench.load import Load
from parley_testing import scenarios
from parley_testing.stack import Stack

SCRIPTS = (
    *("open", "append", "attach", "leave"),
    *("claim", "inbox", "begin", "delta", "commit", "renew", "checkpoint", "writes", "read"),
    "beat",
)
"""Every script that runs under this load."""


@pytest.mark.timeout(150)
async def test_a_reply_that_was_cut_off_is_no_doubt_about_what_happened(
    tmp_path: Path, seed: int, dice: random.Random
) -> None:
    run = await _run(tmp_path, seed, dice, each=1, clients=8, limit=40)

    assert run.violations == []
    assert min(run.counts.values()) >= 1


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_each_scripts_reply_is_cut_twenty_times(
    tmp_path: Path, seed: int, dice: random.Random
) -> None:
    run = await _run(tmp_path, seed, dice, each=20, clients=20, limit=600)

    assert run.violations == []
    assert min(run.counts.values()) >= 20


async def _run(
    folder: Path, seed: int, dice: random.Random, *, each: int, clients: int, limit: float
) -> scenarios.Run:
    async with Stack(folder, env={"RESPONDER_PAUSES": "off"}) as stack:
        load = Load(
            url=stack.url, clients=clients, messages=None, devices=2, drop_every=1.0, seed=seed
        )
        run = await scenarios.cut_replies(
            stack, load, scripts=SCRIPTS, each=each, limit=limit, dice=dice
        )
    print(run.report("cut replies"))
    return run
