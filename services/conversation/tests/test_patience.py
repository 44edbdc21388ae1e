from __future__ import annotations

from collections.abc import Iterator

import pytest

from parley_conversation import patience
from parley_conversation.patience import until_answered
from parley_core.domain.errors import StaleToken, Unavailable


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST", 0.001)
    monkeypatch.setattr(patience, "LONGEST", 0.002)


def store(failures: int) -> tuple[Iterator[int], list[int]]:
    return iter(range(failures, -1, -1)), []


async def test_a_call_is_repeated_until_it_is_answered() -> None:
    left, calls = store(5)

    async def call() -> str:
        calls.append(1)
        if next(left):
            raise Unavailable("away")
        return "reply"

    assert await until_answered(call, is_over=lambda: False) == "reply"
    assert len(calls) == 6


async def test_it_is_not_repeated_once_the_run_is_over() -> None:
    calls: list[int] = []

    async def call() -> str:
        calls.append(1)
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        await until_answered(call, is_over=lambda: len(calls) == 3)
    assert len(calls) == 3


async def test_a_refusal_is_an_answer() -> None:
    calls: list[int] = []

    async def call() -> str:
        calls.append(1)
        raise StaleToken("not yours")

    with pytest.raises(StaleToken):
        await until_answered(call, is_over=lambda: False)
    assert len(calls) == 1
