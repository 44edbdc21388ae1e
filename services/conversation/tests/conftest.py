"""What the tests of this service share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio

from parley_core.domain.ids import SessionId
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_testing.desk import Desk
from parley_testing.past import Place, place_at
from parley_testing.talk import Counters, Talk, Workers, edge_store, new_talk


@pytest.fixture
def store(redis_client: RedisClient, keys: Keys) -> RedisConversations:
    """Sessions as an edge sees them."""
    return edge_store(redis_client, keys)


@pytest_asyncio.fixture
async def talk(
    redis_client: RedisClient, keys: Keys, store: RedisConversations
) -> AsyncIterator[Talk]:
    """A new session of a new user, listened to."""
    async with new_talk(redis_client, keys, store) as talk:
        yield talk


@pytest.fixture
def counters(redis_client: RedisClient, prefix: str) -> Counters:
    """What the graphs of `parley_testing.agents` counted."""
    return Counters(redis_client, prefix)


@pytest_asyncio.fixture
async def workers(redis_url: str, prefix: str) -> AsyncIterator[Workers]:
    """Workers on this test's prefix."""
    env = {
        "REDIS_URL": redis_url,
        "KEY_PREFIX": prefix,
        "RESPONDER_PAUSES": "off",
        "AGENTS_REDIS_URL": redis_url,
        "AGENTS_PREFIX": prefix,
    }
    async with AsyncExitStack() as stack:
        yield Workers(stack, env)


@pytest.fixture
def desk(redis_client: RedisClient, keys: Keys, store: RedisConversations, talk: Talk) -> Desk:
    """A worker's desk in the test's own process, at which one run after another is done."""
    return Desk(redis_client, keys, store, session=talk.session)


@pytest.fixture
def place(redis_client: RedisClient, keys: Keys) -> Place:
    return place_at(redis_client, keys)


@pytest_asyncio.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with place.http() as http:
        yield http


@pytest_asyncio.fixture
async def session(place: Place) -> SessionId:
    """Five answered turns: seqs 1 to 10. Kept are the states of turns 2, 4 and 5."""
    session = await place.new_session()
    await place.talk(session, "a", "b", "c", "d", "e")
    return session
