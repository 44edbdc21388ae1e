"""A release of real processes, a Kubernetes API for them, and the operator as a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.release import NAMESPACE, RELEASE, TOKEN, Release
from parley_testing.talk import Talk, edge_store, new_talk


@pytest_asyncio.fixture
async def api() -> AsyncIterator[KubernetesApi]:
    async with KubernetesApi() as api:
        yield api


@pytest_asyncio.fixture
async def release(
    api: KubernetesApi, redis_url: str, redis_client: RedisClient, keys: Keys, tmp_path: Path
) -> AsyncIterator[Release]:
    env = {
        "REDIS_URL": redis_url,
        "KEY_PREFIX": keys.prefix,
        "SERVICE_TOKEN": TOKEN,
        "PARLEY_RELEASE": RELEASE,
        "PARLEY_NAMESPACE": NAMESPACE,
        "KUBECONFIG": str(api.kubeconfig(tmp_path)),
    }
    async with AsyncExitStack() as stack:
        yield Release(stack, api, env=env, redis=redis_client, keys=keys)


@pytest_asyncio.fixture
async def talk(redis_client: RedisClient, keys: Keys) -> AsyncIterator[Talk]:
    """A session of a user, whose texts wait for a worker."""
    async with new_talk(redis_client, keys, edge_store(redis_client, keys)) as talk:
        yield talk
