"""A cluster, named by its kubectl context: never the current one by itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from parley_testing.kube.tools import run

Object = dict[str, Any]
"""What the API has of something."""
_SECONDS = 60.0
_KIND = "kind-"
_OURS = "parley.dev/e2e"
_CONTROL_PLANE = frozenset({"node-role.kubernetes.io/control-plane"})


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with one container. `component` is its label; `container` the newest one's id."""

    name: str
    uid: str
    namespace: str
    component: str
    node: str
    ready: bool
    going: bool
    container: str
    restarts: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """One context of kubectl."""

    context: str

    @property
    def is_kind(self) -> bool:
        """Whether its nodes are containers here."""
        return self.context.startswith(_KIND)

    @property
    def kind(self) -> str:
        """The name of the kind cluster; of others the nodes cannot be struck."""
        assert self.is_kind, f"{self.context} is no kind cluster"
        return self.context.removeprefix(_KIND)

    async def kubectl(self, *args: str, within: float = _SECONDS, given: str | None = None) -> str:
        return await run("kubectl", "--context", self.context, *args, within=within, given=given)

    async def helm(self, *args: str, within: float) -> str:
        return await run("helm", "--kube-context", self.context, *args, within=within)

    async def objects(self, kinds: str, *args: str) -> list[Object]:
        """Of these kinds, as `kubectl get` lists them."""
        listed = json.loads(await self.kubectl("get", kinds, *args, "--output", "json"))
        found: list[Object] = listed["items"]
        return found

    async def pods(self, namespace: str, selector: str) -> list[Pod]:
        """By name."""
        found = await self.objects("pods", "--namespace", namespace, "--selector", selector)
        return sorted(map(pod_of, found), key=lambda pod: pod.name)

    async def nodes(self) -> list[str]:
        """Names of those that pods may be scheduled to when they are not cordoned."""
        found = await self.objects("nodes")
        return sorted(
            str(node["metadata"]["name"])
            for node in found
            if not any(taint["key"] in _CONTROL_PLANE for taint in node["spec"].get("taints", ()))
        )

    async def create_namespace(self, name: str) -> None:
        """One that takes only what restricted Pod Security takes."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted", _OURS: "true"}
        wanted = {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        await self.apply([{"apiVersion": "v1", **wanted}])

    async def delete_leftovers(self) -> None:
        """Namespaces of an earlier run that was ended by force: they hold the port of this one."""
        await self.kubectl("delete", "namespace", "--selector", f"{_OURS}=true", within=180)

    async def delete_namespace(self, name: str) -> None:
        """With all that is in it; waits for that."""
        await self.kubectl("delete", "namespace", name, "--ignore-not-found", within=180)

    async def apply(self, objects: Iterable[Object], *args: str) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        await self.kubectl("apply", *args, "--filename", "-", given=json.dumps(listed))

    @asynccontextmanager
    async def uncordoned_afterwards(self, nodes: Sequence[str]) -> AsyncIterator[None]:
        """Whatever was done to `nodes` inside, pods may be scheduled to them outside."""
        try:
            yield
        finally:
            await self.kubectl("uncordon", *nodes)

    async def in_node(self, node: str, script: str) -> str:
        """What a shell script writes inside a node that is a container here."""
        assert self.is_kind, f"{self.context} is no kind cluster"
        return await run("docker", "exec", node, "sh", "-c", script, within=_SECONDS)

    async def drain(self, node: str, *, within: float = 180) -> None:
        """As `kubectl drain`; the node stays cordoned."""
        told = ("--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={within:g}s")
        await self.kubectl("drain", node, *told, within=within + 5)

    @asynccontextmanager
    async def frozen(self, node: str) -> AsyncIterator[None]:
        """Nothing runs on the node inside, and nobody is told."""
        assert self.is_kind, f"{self.context} is no kind cluster"
        await run("docker", "pause", node, within=_SECONDS)
        try:
            yield
        finally:
            await run("docker", "unpause", node, within=_SECONDS)

    async def kill(self, pod: Pod) -> None:
        """SIGKILL to every process of the pod's container, inside its node."""
        await self.in_node(pod.node, f"{_processes(pod)} | cut -d/ -f3 | xargs kill -9")

    async def death(self, pod: Pod) -> float:
        """When the pod's container, as it was, had no process any more; seconds since 1970."""
        # Its exit code tells nothing: other processes end while it looks.
        waiting = f'while [ -n "$({_processes(pod)})" ]; do sleep 0.05; done; date +%s.%N'
        return float(await self.in_node(pod.node, waiting))


def _processes(pod: Pod) -> str:
    """A command that names them."""
    return f"grep -ls {pod.container} /proc/[0-9]*/cgroup"


def pod_of(found: Object) -> Pod:
    meta, status = found["metadata"], found.get("status", {})
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    containers = status.get("containerStatuses", ())
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        namespace=meta["namespace"],
        component=meta.get("labels", {}).get("app.kubernetes.io/component", ""),
        node=found["spec"].get("nodeName", ""),
        ready=conditions.get("Ready") == "True",
        going="deletionTimestamp" in meta,
        container=containers[0].get("containerID", "").rpartition("/")[2] if containers else "",
        restarts=containers[0]["restartCount"] if containers else 0,
    )
