from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.supervision import supervise, until_it_works


class Script:
    """A step that does what it is told to, one after the other, and ends the duty with the last."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.stopping = asyncio.Event()
        self._outcomes = list(outcomes)

    async def step(self) -> None:
        outcome = self._outcomes.pop(0)
        if not self._outcomes:
            self.stopping.set()
        if outcome is not None:
            raise outcome

    @property
    def is_over(self) -> bool:
        return not self._outcomes


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley_core.supervision._AFTER_A_FAULT", 0.0)


async def test_a_duty_goes_on_after_every_fault() -> None:
    script = Script(None, Unavailable("away"), ValueError("a bug"), None)

    await supervise(script.step, name="duty", every=0.0, stopping=script.stopping)

    assert script.is_over


async def test_a_fault_that_lasts_is_told_once_and_its_end_too() -> None:
    script = Script(Unavailable("away"), Unavailable("away"), Unavailable("away"), None)

    with capture_logs() as logs:
        await supervise(script.step, name="duty", every=0.0, stopping=script.stopping)

    assert [(line["event"], line["duty"]) for line in logs] == [
        ("duty fails", "duty"),
        ("duty goes on", "duty"),
    ]


async def test_a_bug_comes_with_its_traceback_and_redis_being_away_does_not() -> None:
    bug = ValueError("a bug")
    script = Script(Unavailable("away"), bug)

    with capture_logs() as logs:
        await supervise(script.step, name="duty", every=0.0, stopping=script.stopping)

    assert [line["exc_info"] for line in logs] == [None, bug]


async def test_a_duty_ends_at_once_when_it_is_told_to_between_its_steps() -> None:
    stopping = asyncio.Event()
    taken = asyncio.Event()

    async def step() -> None:
        taken.set()

    duty = asyncio.create_task(supervise(step, name="duty", every=3_600.0, stopping=stopping))
    await taken.wait()
    stopping.set()

    async with asyncio.timeout(1):
        await duty


async def test_a_start_is_repeated_while_redis_is_away() -> None:
    script = Script(Unavailable("away"), Unavailable("away", delay=0.001), None, None)

    assert await until_it_works(script.step, name="start", stopping=script.stopping)


async def test_a_start_ends_with_the_service() -> None:
    script = Script(Unavailable("away"), Unavailable("away"))

    assert not await until_it_works(script.step, name="start", stopping=script.stopping)


async def test_what_cannot_work_is_not_repeated() -> None:
    script = Script(PermanentError("too old"), None)

    with pytest.raises(PermanentError, match="too old"):
        await until_it_works(script.step, name="start", stopping=script.stopping)
