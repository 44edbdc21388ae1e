"""Several devices on several edges see the identical sequence, whatever their sockets do."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.bench.load import Load
from parley_testing import scenarios
from parley_testing.stack import Stack


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seconds", [8, pytest.param(60, marks=pytest.mark.full)])
async def test_devices_that_drop_and_resume_see_what_the_others_see(
    tmp_path: Path, seed: int, seconds: float
) -> None:
    async with Stack(tmp_path, env={"RESPONDER_PAUSES": "off"}) as stack:
        load = Load(url=stack.url, clients=8, messages=None, devices=3, drop_every=1.0, seed=seed)

        run = await scenarios.droppers(load, seconds=seconds)

    print(run.report("droppers"))
    assert run.violations == []
    assert run.counts["users on two edges"] >= 4
