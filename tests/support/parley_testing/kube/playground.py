"""A namespace with a release whose workers run the agent that keeps a journal."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import parley
from parley_core.domain import server_frames as wire
from parley_testing.kube.cluster import Cluster, Object
from parley_testing.kube.journal_server import JournalServer
from parley_testing.kube.release import Release
from parley_testing.kube.tools import run
from parley_testing.kube.volume import volume
from parley_testing.repository import ROOT

IMAGES = ("parley-edge", "parley-conversation", "parley-presence", "parley-operator")
VALUES = (ROOT / "k8s" / "values-e2e.yaml", ROOT / "tests" / "e2e" / "agent.yaml")
URL = "ws://127.0.0.1:8080/ws"
"""NodePort 30080, as kind.yaml publishes it; another cluster's is told by E2E_URL."""
_SUPPORT = ROOT / "tests" / "support"
_AGENT = (
    "parley_testing/__init__.py",
    "parley_testing/journal.py",
    "parley_testing/models.py",
    "parley_testing/kube/__init__.py",
    "parley_testing/kube/agent.py",
)
_REDIS_AT = "redis.bundled.nodeSelector.kubernetes\\.io/hostname"
"""Its volume is on one node anyway, and tests have to know on which."""
_NODES = 2
"""That pods can be on, and so many pods of a kind."""
_TRY = 3.0
"""Seconds in which an answer is waited for before the next try."""


@dataclass(frozen=True, slots=True)
class Playground:
    """What a test may strike. `first_answer`: seconds from `helm install` to it."""

    release: Release
    journal: JournalServer
    url: str
    sets: Sequence[str]
    redis_node: str
    first_answer: float

    @property
    def cluster(self) -> Cluster:
        return self.release.cluster

    async def upgrade(self, *sets: str) -> None:
        """To what was installed, and `sets`."""
        await self.release.upgrade(*self.sets, *sets)

    async def other_node(self) -> str:
        """One without Redis and without the journal."""
        return next(name for name in await self.cluster.nodes() if name != self.redis_node)

    async def steady(self) -> None:
        """Wait until everything is as it was installed."""
        for component, count in (("redis", 1), ("edge", 2), ("conversation", 2), ("presence", 1)):
            await self.release.until_ready(component, count=count)
        await self.release.until_ready("operator", count=1)

    async def spread(self) -> None:
        """What stands on one node alone, as after a drain, stands on both again."""
        for component in ("edge", "conversation"):
            if not await self._is_spread(component):
                await self.release.restart(component)
            assert await self._is_spread(component), f"{component} is on one node alone"

    async def _is_spread(self, component: str) -> bool:
        return len({pod.node for pod in await self.release.pods(component)}) == _NODES


@asynccontextmanager
async def namespace(cluster: Cluster, purpose: str) -> AsyncIterator[str]:
    """One of this run's own; all that is in it goes with it."""
    name = f"parley-e2e-{purpose}-{secrets.token_hex(2)}"
    await cluster.create_namespace(name)
    try:
        yield name
    finally:
        await cluster.delete_namespace(name)


@asynccontextmanager
async def released(
    cluster: Cluster, purpose: str, *sets: str, node: str, values: Sequence[Path]
) -> AsyncIterator[tuple[Release, tuple[str, ...]]]:
    """A release that is not installed yet, in a namespace of its own, and what to install it with.

    Its Redis will run on `node`. Whatever became of the installation, nothing is left outside.
    """
    async with namespace(cluster, purpose) as place:
        release = Release(cluster, place, values=values)
        claim = f"data-{release.of('redis')}-0"
        async with volume(cluster, namespace=place, claim=claim, node=node) as given:
            try:
                yield release, (*sets, *given, f"{_REDIS_AT}={node}")
            finally:
                await release.uninstall()
                # Before its volume goes.
                await cluster.delete_namespace(place)


@asynccontextmanager
async def playground(cluster: Cluster, *, url: str, tag: str) -> AsyncIterator[Playground]:
    """Installed from nothing, with images tagged `tag`; yields when it answers."""
    node = (await cluster.nodes())[0]
    async with released(cluster, "load", f"image.tag={tag}", node=node, values=VALUES) as (
        release,
        sets,
    ):
        journal = JournalServer(cluster, release.namespace)
        await cluster.apply([_agent()], "--namespace", release.namespace)
        await journal.start(node=node)
        start = monotonic()
        await release.install(*sets, wait=False)
        await answer(url, within=180)
        first = monotonic() - start
        ground = Playground(release, journal, url, sets, node, first)
        await ground.steady()
        yield ground


async def load_images(cluster: Cluster, *names: str) -> None:
    """Put what was built here on the nodes."""
    await run("kind", "load", "docker-image", *names, "--name", cluster.kind, within=300)


async def next_images(*, tag: str, after: str) -> list[str]:
    """Images that differ from those tagged `after` in a label alone, tagged `tag`."""
    names = []
    for name in IMAGES:
        changed = f'FROM {name}:{after}\nLABEL parley.dev/built-for="{tag}"\n'
        built = ("docker", "build", "--quiet", "--tag", f"{name}:{tag}", "-")
        # The builder that needs no plug-in.
        await run("env", "DOCKER_BUILDKIT=0", *built, within=120, given=changed)
        names.append(f"{name}:{tag}")
    return names


async def answer(url: str, *, within: float) -> None:
    """Wait until somebody who says something is answered."""
    async with asyncio.timeout(within):
        while not await _is_answered(url):
            await asyncio.sleep(0.25)


async def _is_answered(url: str) -> bool:
    user = f"first-{secrets.token_hex(4)}"
    try:
        async with parley.connect(url, user_id=user, device_id="one", patience=_TRY) as session:
            await session.send("hello")
            async with asyncio.timeout(20):
                async for event in session:
                    assert not isinstance(event, wire.Error), event.message
                    if isinstance(event, wire.Text) and event.role == "assistant":
                        return True
    except (parley.Lost, parley.Unacknowledged, TimeoutError):
        pass
    return False


def _agent() -> Object:
    data = {path.replace("/", "."): (_SUPPORT / path).read_text() for path in _AGENT}
    meta = {"name": "agent"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
