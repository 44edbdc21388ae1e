"""LangGraph's public conformance suite, each of its tests on each server, with asyncio and without.

The suite is asynchronous, so the synchronous checkpointer is driven through `Driven`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partialmethod
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.conformance.capabilities import BASE_CAPABILITIES, Capability
from langgraph.checkpoint.conformance.spec import (
    test_copy_thread,
    test_delete_for_runs,
    test_delete_thread,
    test_get_tuple,
    test_list,
    test_prune,
    test_put,
    test_put_writes,
)

from parley_checkpoint import AsyncRedisCheckpointer, RedisCheckpointer

Conforms = Callable[[BaseCheckpointSaver[Any]], Coroutine[Any, Any, None]]

SUITE: dict[Capability, Sequence[Conforms]] = {
    Capability.PUT: test_put.ALL_PUT_TESTS,
    Capability.PUT_WRITES: test_put_writes.ALL_PUT_WRITES_TESTS,
    Capability.GET_TUPLE: test_get_tuple.ALL_GET_TUPLE_TESTS,
    Capability.LIST: test_list.ALL_LIST_TESTS,
    Capability.DELETE_THREAD: test_delete_thread.ALL_DELETE_THREAD_TESTS,
    Capability.DELETE_FOR_RUNS: test_delete_for_runs.ALL_DELETE_FOR_RUNS_TESTS,
    Capability.COPY_THREAD: test_copy_thread.ALL_COPY_THREAD_TESTS,
    Capability.PRUNE: test_prune.ALL_PRUNE_TESTS,
}
BASE, ALL = 58, 81
TESTS = [
    pytest.param(test, id=f"{capability.value}-{test.__name__}")
    for capability, tests in SUITE.items()
    for test in tests
]


class Driven(BaseCheckpointSaver[str]):
    """A synchronous checkpointer with the names of an asynchronous one."""

    def __init__(self, saver: RedisCheckpointer) -> None:
        super().__init__()
        self._saver = saver

    async def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._saver, name)(*args, **kwargs)

    async def alist(self, *args: Any, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        for found in self._saver.list(*args, **kwargs):
            yield found

    aput: Any = partialmethod(_call, "put")
    aput_writes: Any = partialmethod(_call, "put_writes")
    aget_tuple: Any = partialmethod(_call, "get_tuple")
    adelete_thread: Any = partialmethod(_call, "delete_thread")
    adelete_for_runs: Any = partialmethod(_call, "delete_for_runs")
    acopy_thread: Any = partialmethod(_call, "copy_thread")
    aprune: Any = partialmethod(_call, "prune")


@pytest.mark.parametrize("conforms", TESTS)
async def test_with_asyncio(checkpointer: AsyncRedisCheckpointer, conforms: Conforms) -> None:
    await conforms(checkpointer)


@pytest.mark.parametrize("conforms", TESTS)
async def test_without_asyncio(sync_checkpointer: RedisCheckpointer, conforms: Conforms) -> None:
    await conforms(Driven(sync_checkpointer))


def test_the_suite_is_whole() -> None:
    """A later version of the suite with more tests must be looked at."""
    base = [test for capability in BASE_CAPABILITIES for test in SUITE[capability]]

    assert set(SUITE) == set(Capability)
    assert len(base) == BASE
    assert len(TESTS) == ALL
