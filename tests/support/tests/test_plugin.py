"""The rules that the plugin adds to every test, seen from a run of pytest of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

Run = Callable[[str], pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Runs a module of tests as this repository's are run."""
    support = Path(__file__).parents[1]
    pytester.makeconftest('pytest_plugins = ["parley_testing.plugin"]')
    pytester.makeini(f"[pytest]\nasyncio_mode = auto\npythonpath = {support}")

    def run(source: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-s")

    return run


def test_a_task_that_outlives_its_test_fails_it(run: Run) -> None:
    result = run(
        """
        import asyncio

        async def test_forgets_a_task():
            asyncio.get_running_loop().forgotten = asyncio.create_task(asyncio.sleep(60), name="zz")

        async def test_ends_its_task():
            await asyncio.create_task(asyncio.sleep(0))
        """
    )

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*left alive: ?'zz'?*"])


def test_a_seed_is_printed_and_plays_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_SEED", "42")

    result = run(
        """
        import random

        def test_throws(dice):
            assert dice.random() == random.Random(42).random()
        """
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*PARLEY_SEED=42*"])


def test_a_missing_server_fails_on_ci_and_is_named_elsewhere(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "def test_needs_a_server(any_redis_url): pass"
    monkeypatch.setenv("PATH", "")

    monkeypatch.setenv("CI", "")
    elsewhere = run(source)
    monkeypatch.setenv("CI", "true")
    on_ci = run(source)

    elsewhere.assert_outcomes(passed=1, skipped=2)
    on_ci.assert_outcomes(passed=1, errors=2)
    on_ci.stdout.fnmatch_lines(["*there is no redis-server on PATH*"])


def test_keys_under_a_tests_prefix_are_gone_after_it(run: Run) -> None:
    result = run(
        """
        import redis

        def test_leaves_a_key(prefix, redis_url):
            with redis.Redis.from_url(redis_url) as server:
                server.set(prefix + ":{1a}:left", "1")

        def test_finds_nothing(redis_url):
            with redis.Redis.from_url(redis_url) as server:
                assert server.keys("*") == []
        """
    )

    result.assert_outcomes(passed=2)


def test_a_run_that_is_ended_from_outside_ends_its_servers(run: Run, tmp_path: Path) -> None:
    result = run(
        f"""
        import os
        import signal
        from pathlib import Path

        def test_is_ended(redis_servers):
            redis_servers.url("best")
            pids = [str(server.pid) for server in redis_servers._running]
            Path({str(tmp_path / "pids")!r}).write_text(" ".join(pids))
            os.kill(os.getpid(), signal.SIGTERM)
        """
    )

    pids = (tmp_path / "pids").read_text().split()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert pids
    assert not any(Path("/proc", pid).exists() for pid in pids)
