"""A clear where the checkpoints are another checkpointer's."""

from __future__ import annotations

from secrets import token_hex

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from parley_conversation.forgetting import ForgettingWork
from parley_conversation.threads import SaverThreads
from parley_core.domain.errors import StaleToken, Unavailable
from parley_core.domain.events import Lease, MailKind
from parley_core.domain.ids import Partition, ProcessId, Token
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_testing.talk import Talk


class Moody(InMemorySaver):
    """Somebody's checkpointer, which may be away."""

    error: Exception | None = None

    async def adelete_thread(self, thread_id: str) -> None:
        if self.error is not None:
            raise self.error
        await super().adelete_thread(thread_id)

    def has(self, thread: str) -> bool:
        return bool(self.storage.get(thread))


@pytest.fixture
async def saver(talk: Talk) -> Moody:
    """It has a checkpoint of the session."""
    saver = Moody()
    where = {"thread_id": talk.session, "checkpoint_ns": ""}
    await saver.aput({"configurable": where}, empty_checkpoint(), {}, {})
    return saver


@pytest.fixture
def work(redis_client: RedisClient, keys: Keys, saver: Moody) -> ForgettingWork:
    threads = SaverThreads(saver)
    return ForgettingWork(redis_client, keys, process=ProcessId("w/1"), kept=1_000, threads=threads)


async def claimed(work: ForgettingWork, talk: Talk) -> Lease:
    partition = Partition(int(talk.session[:2], 16))
    (lease,) = await work.claim(room=1, partition=partition, nonce=token_hex(4))
    return lease


async def test_the_thread_goes_with_the_epoch_and_a_repeat_finds_nothing(
    work: ForgettingWork, saver: Moody, talk: Talk, store: RedisConversations
) -> None:
    turn = await talk.command(MailKind.CLEAR)
    lease = await claimed(work, talk)
    before = await store.top(talk.session)

    await work.clear(lease, turn=turn, nonce="n")
    after = await store.top(talk.session)
    await work.clear(lease, turn=turn, nonce="n")

    assert not saver.has(talk.session)
    assert after != before
    assert await store.top(talk.session) == after


async def test_a_clear_waits_for_a_checkpointer_that_is_away(
    work: ForgettingWork, saver: Moody, talk: Talk, store: RedisConversations
) -> None:
    turn = await talk.command(MailKind.CLEAR)
    lease = await claimed(work, talk)
    before = await store.top(talk.session)
    saver.error = OSError("no route")

    with pytest.raises(Unavailable, match="no route"):
        await work.clear(lease, turn=turn, nonce="n")

    assert await store.top(talk.session) == before
    saver.error = None
    await work.clear(lease, turn=turn, nonce="n")
    assert not saver.has(talk.session)


async def test_a_worker_that_lost_the_session_deletes_nothing(
    work: ForgettingWork, saver: Moody, talk: Talk
) -> None:
    turn = await talk.command(MailKind.CLEAR)
    await claimed(work, talk)

    with pytest.raises(StaleToken):
        await work.clear(Lease(talk.session, Token("1:w/1:old")), turn=turn, nonce="n")

    assert saver.has(talk.session)
