from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from parley_testing.kube.tools import CommandFailed, NotInstalled, run, tool


async def test_what_a_program_writes_is_returned() -> None:
    assert await run("cat", within=5, given="what it was given") == "what it was given"


async def test_a_program_that_fails_is_told_with_what_it_wrote() -> None:
    with pytest.raises(CommandFailed, match=r"ended with 3:\nout\nerr"):
        await run("sh", "-c", "echo out; echo err >&2; exit 3", within=5)


async def test_a_program_that_is_late_is_ended_and_told() -> None:
    start = monotonic()

    with pytest.raises(CommandFailed, match=r"did not end within 0\.2 s"):
        await run("sleep", "30", within=0.2)

    assert monotonic() - start < 5


async def test_a_program_is_ended_with_who_waits_for_it() -> None:
    waiting = asyncio.create_task(run("sleep", "30", within=60))
    await asyncio.sleep(0.2)
    start = monotonic()

    waiting.cancel()
    await asyncio.wait({waiting})

    assert monotonic() - start < 5


def test_a_program_that_is_nowhere_is_told_by_name() -> None:
    with pytest.raises(NotInstalled, match="expected no-such-program on PATH or in"):
        tool("no-such-program")
