"""LangGraph's public suite for checkpointers, on the published saver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module

from redis.asyncio import Redis

from parley_local.redis_server import RedisServer
from parley_testing.savers.contenders import Saver, published

BASE = ("put", "put_writes", "get_tuple", "list", "delete_thread")
PASSES = 53
"""Of the base tests, with langgraph-checkpoint-redis 0.5.2."""
ALL = 58


async def test_the_published_saver_passes_most_base_tests(stack_server: RedisServer) -> None:
    # Both packages are there for these tests only.
    suite = import_module("langgraph.checkpoint.conformance")

    @suite.checkpointer_test(name="langgraph-checkpoint-redis")  # type: ignore[untyped-decorator]  # not imported by name
    async def made() -> AsyncIterator[Saver]:
        async with Redis.from_url(stack_server.url) as redis:
            await redis.flushall()
        async with published(stack_server).open() as saver:
            yield saver

    report = await suite.validate(made)

    results = {name: report.results[name] for name in BASE}
    passed = sum(result.tests_passed for result in results.values())
    failed = sum(result.tests_failed for result in results.values())
    print(f"{passed} of {passed + failed} base tests")
    for name, result in results.items():
        for failure in result.failures:
            print(f"  {name}: {failure.splitlines()[0]}")
    assert (passed, passed + failed) == (PASSES, ALL)
