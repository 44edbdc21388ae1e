"""One release for all tests but those that install their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from parley_testing.kube.cluster import Cluster
from parley_testing.kube.evidence import keep_evidence
from parley_testing.kube.playground import (
    IMAGES,
    URL,
    Playground,
    load_images,
    next_images,
    playground,
)
from parley_testing.kube.tools import run
from parley_testing.repository import ROOT


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(tag: str) -> AsyncIterator[Cluster]:
    """What E2E_CONTEXT names, else the kind cluster of this repository; our images are on it."""
    found = Cluster(os.environ.get("E2E_CONTEXT") or "kind-parley")
    await found.delete_leftovers()
    if found.is_kind:
        await load_images(found, *(f"{name}:{tag}" for name in IMAGES), "redis:8.0")
    yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def next_tag(cluster: Cluster, tag: str) -> AsyncIterator[str]:
    """Of images that are on the nodes and are other ones; gone from this machine afterwards."""
    names = await next_images(tag=f"{tag}-next", after=tag)
    try:
        await load_images(cluster, *names)
        yield f"{tag}-next"
    finally:
        await run("docker", "rmi", *names, within=60)


@pytest.fixture(scope="session")
def evidence() -> Path:
    """Where to look after a test has failed."""
    folder = ROOT / "e2e-logs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(
    request: pytest.FixtureRequest, cluster: Cluster, tag: str, evidence: Path
) -> AsyncIterator[Playground]:
    """The release that most tests strike, one after the other."""
    async with playground(cluster, url=os.environ.get("E2E_URL") or URL, tag=tag) as ground:
        yield ground
        if request.session.testsfailed:
            await keep_evidence(ground.release, folder=evidence)


@pytest_asyncio.fixture
async def ground(shared: Playground) -> Playground:
    """It, when all of it is up."""
    await shared.steady()
    return shared
