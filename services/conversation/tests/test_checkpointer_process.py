"""Each choice of CHECKPOINTER as a process."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx
import pytest

from parley_core.domain.events import MailKind
from parley_testing.talk import Talk, Workers

FILE = """
from langgraph.checkpoint.memory import InMemorySaver

class Shared(InMemorySaver):
    pass

saver = Shared()
"""
ASKED = "What did I say?"
WITHOUT_THE_PACKAGE = """
import sys
sys.modules["langgraph.checkpoint.redis.aio"] = None
"""


def remembers(*texts: str) -> str:
    said = ", ".join(f"“{text}”" for text in texts)
    return f"So far you have said: {said}."


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "shared.py").write_text(FILE)
    return f"{tmp_path / 'shared.py'}:saver"


async def test_in_memory_a_worker_answers_and_after_a_restart_rebuilds_from_the_log(
    workers: Workers, talk: Talk
) -> None:
    first = await workers.start(CHECKPOINTER="memory")
    await talk.answer("My cat is called Tom")
    first.signal(signal.SIGTERM)
    await first.wait_exit()

    await workers.start(CHECKPOINTER="memory")

    assert await talk.answer(ASKED) == remembers("My cat is called Tom")
    assert "rebuilt from the log" in first.log()


async def test_in_memory_two_workers_tell_one_conversation(workers: Workers, talk: Talk) -> None:
    pair = [await workers.start(CHECKPOINTER="memory") for _ in range(2)]
    said = [f"Fact number {number}" for number in range(6)]
    for number, text in enumerate(said):
        # Each in turn: what the other one answered is in nobody's memory but the log's.
        await drained(pair[number % 2].admin_url)
        await talk.answer(text)
        await taken_back(pair[number % 2].admin_url)

    assert await talk.answer(ASKED) == remembers(*said)


async def test_somebodys_own_answers_and_forgets_what_is_cleared(
    workers: Workers, talk: Talk, own: str
) -> None:
    worker = await workers.start(CHECKPOINTER=own)
    await talk.answer("My cat is called Tom")
    remembered = await talk.answer(ASKED)

    await talk.end_of(await talk.command(MailKind.CLEAR))
    forgotten = await talk.answer(ASKED)

    assert remembered == remembers("My cat is called Tom")
    assert "Tom" not in forgotten
    notices = [line for line in worker.log().splitlines() if "it has no fence" in line]
    assert len(notices) == 1


async def test_with_ours_nothing_is_said(workers: Workers, talk: Talk) -> None:
    worker = await workers.start()

    await talk.answer("Hello!")

    assert "fence" not in worker.log()


async def test_without_its_package_the_published_one_stops_the_start(
    workers: Workers, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_THE_PACKAGE)

    with pytest.raises(AssertionError, match="the package langgraph-checkpoint-redis is needed"):
        await workers.start(CHECKPOINTER="redis", PYTHONPATH=str(tmp_path))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("postgres", "CHECKPOINTER is 'postgres': expected parley, redis, memory or package"),
        ("nowhere:saver", "CHECKPOINTER nowhere:saver: cannot import nowhere"),
    ],
)
async def test_what_is_none_stops_the_start(workers: Workers, value: str, sentence: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        await workers.start(CHECKPOINTER=value)


async def drained(url: str) -> None:
    async with httpx.AsyncClient() as client:
        await client.post(f"{url}/drain")


async def taken_back(url: str) -> None:
    async with httpx.AsyncClient() as client:
        await client.delete(f"{url}/drain")
