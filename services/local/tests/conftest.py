"""Systems as `make up` starts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parley_testing.up import Up


@pytest.fixture
def new_up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Makes systems in one folder, not started, that are ended after the test."""
    made: list[Up] = []

    def new(**environment: str) -> Up:
        made.append(Up(tmp_path, **environment))
        return made[-1]

    yield new
    for up in made:
        up.end()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A system for all tests of a module that leave it running."""
    system = Up(tmp_path_factory.mktemp("up"))
    system.start()
    try:
        asyncio.run(system.is_up())
        yield system
    finally:
        system.end()
