"""A release of the chart in a namespace of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from parley_testing.kube.cluster import Cluster, Pod
from parley_testing.repository import CHART

DEPLOYED = ("edge", "conversation", "presence", "operator")
"""Components that are Deployments."""
_LOOK_EACH = 0.25


@dataclass(frozen=True, slots=True)
class Release:
    """`name` in `namespace`; `values` are files, the last one wins."""

    cluster: Cluster
    namespace: str
    name: str = "parley"
    values: Sequence[Path] = field(default=())

    async def install(self, *sets: str, within: float = 180, wait: bool = True) -> None:
        """From nothing. `sets`: `key=value`."""
        await self._helm("install", *sets, within=within, wait=wait)

    async def upgrade(self, *sets: str, within: float = 300) -> None:
        """To the same values and `sets`."""
        await self._helm("upgrade", *sets, within=within, wait=True)

    async def _helm(self, verb: str, *sets: str, within: float, wait: bool) -> None:
        files = [part for path in self.values for part in ("--values", str(path))]
        given = [part for each in sets for part in ("--set", each)]
        waiting = ["--wait", "--timeout", f"{within:g}s"] if wait else []
        await self.cluster.helm(
            verb, self.name, str(CHART), *self._in, *files, *given, *waiting, within=within + 10
        )

    async def rollback(self, revision: int, *, within: float = 300) -> None:
        waiting = ("--wait", "--timeout", f"{within:g}s")
        await self.cluster.helm(
            "rollback", self.name, str(revision), *self._in, *waiting, within=within + 10
        )

    async def test(self, *, within: float = 120) -> str:
        """`helm test`, and what it told."""
        return await self.cluster.helm(
            "test", self.name, *self._in, "--logs", "--timeout", f"{within:g}s", within=within + 10
        )

    async def uninstall(self, *, within: float = 180) -> None:
        """Also if it was not installed."""
        waiting = ("--ignore-not-found", "--wait", "--timeout", f"{within:g}s")
        await self.cluster.helm("uninstall", self.name, *self._in, *waiting, within=within + 10)

    def of(self, component: str) -> str:
        """The name of the component's Deployment, StatefulSet and Service."""
        full = self.name if "parley" in self.name else f"{self.name}-parley"
        return f"{full}-{component}"

    def workload(self, component: str) -> str:
        """As kubectl names it."""
        kind = "statefulset" if component == "redis" else "deployment"
        return f"{kind}/{self.of(component)}"

    async def kubectl(self, *args: str, within: float = 60, given: str | None = None) -> str:
        """In the release's namespace."""
        return await self.cluster.kubectl(*self._in, *args, within=within, given=given)

    async def pods(self, component: str) -> list[Pod]:
        """Those of the component that are not going."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = await self.cluster.pods(self.namespace, selector)
        return [pod for pod in found if not pod.going]

    async def restart(self, component: str, *, within: float = 240) -> None:
        """Replace its pods one by one, as `kubectl rollout restart` does; waits for the end."""
        await self.kubectl("rollout", "restart", self.workload(component))
        await self.rolled_out(component, within=within)

    async def rolled_out(self, component: str, *, within: float = 120) -> None:
        """Wait until its pods are the newest ones, ready, and the old ones are gone."""
        await self.kubectl(
            *("rollout", "status", self.workload(component), f"--timeout={within:g}s"),
            within=within + 5,
        )
        await self._until_only_ready(component, within=within)

    async def _until_only_ready(self, component: str, *, within: float) -> None:
        """Also those that are going keep connections until they are gone."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        async with asyncio.timeout(within):
            while not all(
                pod.ready and not pod.going
                for pod in await self.cluster.pods(self.namespace, selector)
            ):
                await asyncio.sleep(_LOOK_EACH)

    async def until_ready(
        self, component: str, *, count: int, without: Pod | None = None, within: float = 120
    ) -> float:
        """Seconds until exactly `count` pods are there, and all are ready.

        `without`: a pod that was struck; its container, as it was then, does not count as ready.
        """
        start = monotonic()
        async with asyncio.timeout(within):
            while True:
                pods = await self.pods(component)
                if len(pods) == count and all(_is_up(pod, without) for pod in pods):
                    return monotonic() - start
                await asyncio.sleep(_LOOK_EACH)

    async def until_no_pods(self, *, within: float) -> None:
        """Wait until all pods of the release are gone."""
        async with asyncio.timeout(within):
            while await self.cluster.pods(
                self.namespace, f"app.kubernetes.io/instance={self.name}"
            ):
                await asyncio.sleep(_LOOK_EACH)

    async def scale(self, component: str, replicas: int) -> None:
        """Waits until it is so."""
        await self.kubectl("scale", self.workload(component), f"--replicas={replicas}")
        await self.until_ready(component, count=replicas)

    async def connections(self, pod: Pod) -> int:
        """How many an edge holds, as its metrics say."""
        return int(await self.metric(pod, "parley_edge_connections"))

    async def metric(self, pod: Pod, name: str) -> float:
        """Read through the API server; summed over labels."""
        base = f"/api/v1/namespaces/{self.namespace}/pods/{pod.name}:8766/proxy/metrics"
        lines = (await self.kubectl("get", "--raw", base)).splitlines()
        found = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    async def revision(self) -> int:
        """The newest one's number."""
        listed = await self.cluster.helm(
            "history", self.name, *self._in, "--output", "json", within=30
        )
        return max(int(each["revision"]) for each in json.loads(listed))

    async def images(self, component: str) -> list[str]:
        """What its workload runs."""
        path = "jsonpath={.spec.template.spec.containers[*].image}"
        return (await self.kubectl("get", self.workload(component), "--output", path)).split()

    @asynccontextmanager
    async def without_operator(self) -> AsyncIterator[None]:
        """No operator runs inside."""
        await self.scale("operator", 0)
        try:
            yield
        finally:
            await self.scale("operator", 1)

    @property
    def _in(self) -> tuple[str, str]:
        return "--namespace", self.namespace


def _is_up(pod: Pod, struck: Pod | None) -> bool:
    return pod.ready and (struck is None or pod.container != struck.container)
