"""The Redis in a namespace to which nodes of graphs write what they did: no part of the release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from parley_testing.journal import STREAM, NodeRun, entry, runs_of
from parley_testing.kube.cluster import Cluster, Object

NAME = "journal"
URL = f"redis://{NAME}:6379/0"
"""As pods of the same namespace reach it."""
IMAGE = "redis:8.0"
_USER = 999
_OPTIONS = ("--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir", "/tmp")  # noqa: S108


@dataclass(frozen=True, slots=True)
class JournalServer:
    """In memory only; it goes with its namespace."""

    cluster: Cluster
    namespace: str

    async def start(self, *, node: str | None = None) -> None:
        """`node`: where it has to run, and survive. Waits until it is ready."""
        await self.cluster.apply([_pod(node), _service()], "--namespace", self.namespace)
        await self._kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=60s")

    async def entries(self) -> int:
        """How many there are."""
        return int(json.loads(await self._redis("XLEN", STREAM)))

    async def newest(self) -> str:
        """The id of the last entry; of the first that may be, if there is none."""
        page = json.loads(await self._redis("XREVRANGE", STREAM, "+", "-", "COUNT", "1"))
        return str(page[0][0]) if page else "0-0"

    async def runs(self, *, after: str) -> list[NodeRun]:
        """What was written after the entry `after`, in the order in which it began."""
        found = json.loads(await self._redis("XRANGE", STREAM, f"({after}", "+"))
        page: list[tuple[str, list[str]]] = found
        return runs_of(entry(*each) for each in page)

    async def _redis(self, *command: str) -> str:
        return await self._kubectl("exec", NAME, "--", "redis-cli", "--json", *command)

    async def _kubectl(self, *args: str) -> str:
        return await self.cluster.kubectl("--namespace", self.namespace, *args, within=90)


def _pod(node: str | None) -> Object:
    container: dict[str, Any] = {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["redis-server", *_OPTIONS],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 0,
    }
    if node is not None:
        spec["nodeName"] = node
    meta = {"name": NAME, "labels": {"app": NAME}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _service() -> Object:
    spec = {"selector": {"app": NAME}, "ports": [{"port": 6379}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec}
