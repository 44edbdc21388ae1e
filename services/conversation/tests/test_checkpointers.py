"""What CHECKPOINTER may name, and what is said of what it may not."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from parley_conversation.checkpointers import BadCheckpointer, Checkpointing, open_checkpointer
from parley_conversation.local_saver import LocalSaver, Newest
from parley_conversation.published import NotUsable, check_modules
from parley_conversation.threads import SaverThreads
from parley_core.domain.ids import SessionId

OWN = """
from contextlib import asynccontextmanager
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

class Mine(InMemorySaver):
    pass

class Unforgetting(InMemorySaver):
    adelete_thread = BaseCheckpointSaver.adelete_thread

class Synchronous(BaseCheckpointSaver):
    pass

closed = []
instance = Mine()

def function():
    return Mine()

async def coroutine():
    return Mine()

@asynccontextmanager
async def context():
    yield Mine()
    closed.append(True)

number = 1

def wrong():
    return 1

@asynccontextmanager
async def wrong_context():
    yield 1

def broken():
    raise OSError("no route to the database")
"""


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A module of somebody's own; its folder is where the service was started."""
    name = f"own_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(OWN)
    return name


async def newest(session: SessionId) -> Newest:
    return Newest("", "")


def ours() -> Checkpointing:
    saver = InMemorySaver()
    return Checkpointing(saver, SaverThreads(saver), is_ours=True)


def opened(name: str, folder: Path, *, url: str = "") -> AbstractAsyncContextManager[Checkpointing]:
    return open_checkpointer(name, ours=ours, newest=newest, redis_url=url, folder=folder)


async def test_ours_promises_everything(tmp_path: Path) -> None:
    async with opened("parley", tmp_path) as found:
        assert (found.is_ours, found.notice) == (True, "")


async def test_memory_says_that_conversations_are_rebuilt(tmp_path: Path) -> None:
    async with opened("memory", tmp_path) as found:
        assert isinstance(found.saver, LocalSaver)
        assert not found.is_ours
        assert "rebuilt from the log" in found.notice
        assert "\n" not in found.notice


@pytest.mark.parametrize("attribute", ["Mine", "instance", "function", "coroutine", "context"])
async def test_somebodys_own_is_used_as_it_is_or_made(
    tmp_path: Path, module: str, attribute: str
) -> None:
    async with opened(f"{module}:{attribute}", tmp_path) as found:
        assert type(found.saver).__name__ == "Mine"
        assert not found.is_ours
        assert "no fence" in found.notice
        assert "\n" not in found.notice
        assert sys.modules[module].closed == []

    assert sys.modules[module].closed == ([True] if attribute == "context" else [])


async def test_a_file_can_be_named_too(tmp_path: Path, module: str) -> None:
    async with opened(f"{tmp_path / module}.py:instance", tmp_path) as found:
        assert isinstance(found.saver, InMemorySaver)


async def test_one_that_cannot_forget_says_so(tmp_path: Path, module: str) -> None:
    async with (
        opened(f"{module}:Unforgetting", tmp_path) as one,
        opened(f"{module}:Mine", tmp_path) as other,
    ):
        assert "remembers what users clear" in one.notice
        assert "remembers what users clear" not in other.notice


@pytest.mark.parametrize(
    ("attribute", "problem"),
    [
        ("nothing", "has no attribute nothing"),
        ("", "expected package.module:attribute"),
        ("number", "expected a BaseCheckpointSaver"),
        ("wrong", "got int"),
        ("wrong_context", "got int"),
        ("Synchronous", "expected a checkpointer with asynchronous methods, Synchronous has none"),
    ],
)
async def test_what_is_none_is_said_in_a_sentence(
    tmp_path: Path, module: str, attribute: str, problem: str
) -> None:
    with pytest.raises(BadCheckpointer) as error:
        async with opened(f"{module}:{attribute}", tmp_path):
            pass

    assert str(error.value).startswith(f"CHECKPOINTER {module}:{attribute}: ")
    assert problem in str(error.value)


async def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpointer, match="CHECKPOINTER not_there:x: cannot import not_there"):
        async with opened("not_there:x", tmp_path):
            pass


async def test_what_somebodys_own_raises_goes_through(tmp_path: Path, module: str) -> None:
    with pytest.raises(OSError, match="no route to the database"):
        async with opened(f"{module}:broken", tmp_path):
            pass


async def test_without_its_package_the_published_one_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setitem(sys.modules, "langgraph.checkpoint.redis.aio", None)

    with pytest.raises(NotUsable, match="package langgraph-checkpoint-redis is needed"):
        async with opened("redis", tmp_path, url=redis_url):
            pass


async def test_a_redis_without_its_modules_is_not_enough_for_the_published_one(
    redis_url: str,
) -> None:
    with pytest.raises(NotUsable, match=r"CHECKPOINTER redis: .* lacks JSON and Search"):
        await check_modules(redis_url)


async def test_a_redis_that_is_away_is_said_without_its_password() -> None:
    with pytest.raises(NotUsable, match=r"CHECKPOINTER redis: .* cannot be reached") as error:
        await check_modules("redis://user:s3cret@127.0.0.1:1/0")

    assert "s3cret" not in str(error.value)
