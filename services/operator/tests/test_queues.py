"""An own queue for each pod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from parley_core.domain.errors import TemporaryError
from parley_core.tasks import Tasks
from parley_operator.domain.pods import Pod, pod_of
from parley_operator.queues import PodQueues, Sighting


def sighting(name: str, *, gone: bool = False, at: float = 0.0) -> Sighting:
    return Sighting(pod(name), is_gone=gone, at=at)


def pod(name: str) -> Pod:
    return pod_of({"metadata": {"name": name, "uid": name}})


class Attended:
    """Remembers what it is given; holds up the pods in `held`, and fails as often as told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []
        self.gate = asyncio.Event()
        self.held: set[str] = set()
        self.failures = 0

    async def __call__(self, sighting: Sighting) -> None:
        self.seen.append((sighting.pod.name, sighting.at))
        if sighting.pod.name in self.held:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise TemporaryError("later")

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.seen) < count:
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.aclose()


async def test_a_pod_that_takes_long_holds_up_no_other(tasks: Tasks) -> None:
    attended = Attended()
    attended.held = {"a"}
    queues = PodQueues(attended, tasks=tasks)

    queues.put(sighting("a"))
    queues.put(sighting("b"))

    await attended.until(2)
    assert {name for name, _ in attended.seen} == {"a", "b"}


async def test_one_pods_news_is_attended_to_in_turn_and_the_newest_counts(tasks: Tasks) -> None:
    attended = Attended()
    attended.held = {"a"}
    queues = PodQueues(attended, tasks=tasks)
    queues.put(sighting("a", at=1))
    await attended.until(1)

    queues.put(sighting("a", at=2))
    queues.put(sighting("a", at=3))
    attended.gate.set()

    await attended.until(2)
    assert attended.seen == [("a", 1), ("a", 3)]


async def test_the_news_that_a_pod_is_gone_is_never_replaced(tasks: Tasks) -> None:
    attended = Attended()
    attended.held = {"a"}
    queues = PodQueues(attended, tasks=tasks)
    queues.put(sighting("a", at=1))
    await attended.until(1)

    queues.put(sighting("a", gone=True, at=2))
    queues.put(sighting("a", at=3))
    attended.gate.set()

    await attended.until(2)
    assert attended.seen == [("a", 1), ("a", 2)]


async def test_what_fails_for_now_is_tried_again_until_it_works(tasks: Tasks) -> None:
    attended = Attended()
    attended.failures = 3
    queues = PodQueues(attended, tasks=tasks)

    queues.put(sighting("a", gone=True))

    await attended.until(4)
    assert attended.failures == 0


async def test_after_a_failure_the_newest_news_is_tried(tasks: Tasks) -> None:
    attended = Attended()
    attended.failures, attended.held = 1, {"a"}
    queues = PodQueues(attended, tasks=tasks)
    queues.put(sighting("a", at=1))
    await attended.until(1)

    queues.put(sighting("a", at=2))
    attended.gate.set()

    await attended.until(2)
    assert attended.seen == [("a", 1), ("a", 2)]
