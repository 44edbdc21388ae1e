from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from parley_conversation.run import Run
from parley_core.domain.events import Lease
from parley_core.domain.ids import SessionId, Token

OLD = Lease(SessionId("2a1"), Token("1:w:a"))
NEW = Token("2:w:b")


@pytest.fixture
def time() -> list[float]:
    """The clock's hand, which a test moves."""
    return [0.0]


@pytest.fixture
async def run(time: list[float]) -> AsyncIterator[Run]:
    """A run whose task waits for ever."""
    run = Run(OLD, until=10.0, clock=lambda: time[0])
    task = asyncio.create_task(hang())
    run.belongs_to(task)
    await asyncio.sleep(0)
    yield run
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def hang() -> None:
    await asyncio.Event().wait()


async def test_a_refused_renewal_ends_the_run(run: Run) -> None:
    run.refuse(OLD)

    assert run.lost
    assert run.is_over


async def test_a_refusal_says_nothing_while_the_token_may_be_changing(run: Run) -> None:
    with run.in_doubt():
        run.refuse(OLD)

    assert not run.is_over


async def test_a_refusal_of_an_older_token_says_nothing(run: Run) -> None:
    run.adopt(NEW)

    run.refuse(OLD)

    assert not run.is_over
    run.refuse(Lease(OLD.session, NEW))
    assert run.lost


async def test_a_cancelled_run_is_over_but_its_lease_is_not_lost(run: Run) -> None:
    run.cancel()

    assert run.is_over
    assert not run.lost


async def test_a_run_is_over_when_its_time_is_up(run: Run, time: list[float]) -> None:
    assert not run.is_over

    time[0] = 10.0

    assert run.is_over


async def test_a_run_is_cancelled_once_so_that_it_can_give_its_session_back() -> None:
    ended = asyncio.Event()

    async def gives_back() -> None:
        try:
            await hang()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            ended.set()

    run = Run(OLD, until=10.0, clock=lambda: 0.0)
    task = asyncio.create_task(gives_back())
    run.belongs_to(task)
    await asyncio.sleep(0)

    run.cancel()
    await asyncio.sleep(0)
    run.cancel()
    await task

    assert ended.is_set()
