from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from parley_testing.containers import network, running
from parley_testing.repository import ROOT


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's."""
    return ROOT


@pytest.fixture
def redis_network() -> Iterator[str]:
    """A network on which a Redis answers at redis:6379."""
    with (
        network() as name,
        running("redis:8.0", "--network", name, "--network-alias", "redis") as redis,
    ):
        redis.wait_logged("Ready to accept connections", times=1, within=20)
        yield name
