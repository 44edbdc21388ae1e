"""A release of real processes that say they are pods, and an operator for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from copy import deepcopy
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess

RELEASE, NAMESPACE = "talk", "rooms"
TOKEN = "s3cret"


async def eventually(
    holds: Callable[[], bool | Awaitable[bool]], *, within: float = 10.0, why: str = ""
) -> float:
    """Seconds until it holds. Fails after `within`."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(within):
            while True:
                answer = holds()
                if answer if isinstance(answer, bool) else await answer:
                    return time.monotonic() - began
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {why or holds}") from None


def pod_body(name: str, *, kind: str, node: str = "node-1", **status: Any) -> dict[str, Any]:
    """A ready pod whose container began a long time ago."""
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {
                "app.kubernetes.io/name": "parley",
                "app.kubernetes.io/instance": RELEASE,
                "app.kubernetes.io/component": kind,
            },
        },
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 45,
            "containers": [{"name": kind}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container(kind)],
            **status,
        },
    }


def container(kind: str, *, started: float = 0.0, restarts: int = 0) -> dict[str, Any]:
    """A container that runs since `started` (Unix seconds)."""
    return {
        "name": kind,
        "ready": True,
        "image": "i",
        "imageID": "i",
        "containerID": f"containerd://{kind}-{restarts}",
        "restartCount": restarts,
        "state": {"running": {"startedAt": stamp(started)}},
    }


def stamp(seconds: float) -> str:
    """As the API writes times."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def node_body(name: str, *, cordoned: bool = False, ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Release:
    """Processes that say they are pods, and the pods."""

    def __init__(
        self,
        stack: AsyncExitStack,
        api: KubernetesApi,
        *,
        env: dict[str, str],
        redis: RedisClient,
        keys: Keys,
    ) -> None:
        self._stack = stack
        self._env = env
        self.api = api
        self.redis = redis
        self.keys = keys
        self.processes = RedisProcesses(redis, keys)

    async def run(self, kind: str, pod: str, *, node: str = "node-1", **env: str) -> ServiceProcess:
        """A process in a pod, ready."""
        process = await self._stack.enter_async_context(
            ServiceProcess(
                f"parley_{kind}",
                admin_port=free_port(),
                env={
                    **self._env,
                    "SERVER_ID": pod,
                    "PARLEY_POD": pod,
                    "WEBSOCKET_HOST": "127.0.0.1",
                    "WEBSOCKET_PORT": str(free_port()),
                    "HTTP_PORT": str(free_port()),
                    "ADVERTISE_HOST": "127.0.0.1",
                    "RESPONDER_PAUSES": "off",
                    **env,
                },
            )
        )
        self.api.put("pods", pod_body(pod, kind=kind, node=node))
        return process

    async def operator(self, **env: str) -> ServiceProcess:
        """The operator, when it has seen everything."""
        process = ServiceProcess(
            "parley_operator",
            admin_port=free_port(),
            env={
                **self._env,
                "SERVER_ID": "operator",
                "PARLEY_POD": "operator",
                "WEBSOCKET_HOST": "127.0.0.1",
                "KUBECONFIG": str(self._env["KUBECONFIG"]),
                **env,
            },
        )
        return await self._stack.enter_async_context(process)

    def ends(self, pod: str, *, exit_code: int) -> None:
        """The pod's container ended, and none runs yet."""
        self._restart(
            pod, {"terminated": {"exitCode": exit_code, "finishedAt": stamp(time.time())}}
        )

    def starts_again(self, pod: str, *, began: float) -> None:
        """The next run of the pod's container is under way since `began` (Unix seconds)."""
        self._restart(pod, {"running": {"startedAt": stamp(began)}})

    def _restart(self, pod: str, state: dict[str, Any]) -> None:
        body = deepcopy(self.api.get("pods", pod))
        (status,) = body["status"]["containerStatuses"]
        status["state"] = state
        if "running" in state:
            status["restartCount"] += 1
            status["containerID"] += "+"
        self.api.put("pods", body)

    def goes(self, pod: str, *, grace: int = 45) -> None:
        """Somebody deleted the pod; it has its grace period."""
        body = deepcopy(self.api.get("pods", pod))
        body["metadata"] |= {
            "deletionTimestamp": stamp(time.time() + grace),
            "deletionGracePeriodSeconds": grace,
        }
        self.api.put("pods", body)

    async def beats(self, pod: str) -> bool:
        """Whether a process of the pod is among the living."""
        alive = await self.processes.alive()
        return any(info.pod == pod for info in alive.values())

    async def is_silent(self, pod: str) -> bool:
        """Whether no process of the pod is."""
        return not await self.beats(pod)

    async def barred(self, pod: str) -> bool:
        """Whether processes of the pod may not claim for now."""
        names = [names.barred for names in self.keys.partitions()]
        found = [await self.redis.command("ZRANGE", name, 0, -1, key=name) for name in names]
        return all(
            any(process.startswith(f"{pod}/".encode()) for process in some) for some in found
        )

    async def order(self, process: ServiceProcess, method: str, path: str) -> int:
        """What people may order with the service token; the answer's status."""
        token = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(headers=token) as client:
            return (await client.request(method, f"{process.admin_url}{path}")).status_code

    async def is_ready(self, process: ServiceProcess) -> bool:
        """Whether it takes new work."""
        return await self.order(process, "GET", "/readyz") == HTTPStatus.OK

    async def metric(self, process: ServiceProcess, name: str) -> float:
        """The value of one metric, 0 if it is not there."""
        async with httpx.AsyncClient() as client:
            lines = (await client.get(f"{process.admin_url}/metrics")).text.splitlines()
        values = [float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")]
        return values[0] if values else 0.0

    def drain_of(self, pod: str) -> dict[str, Any]:
        """The status of the Drain object of a pod, empty if there is none."""
        drains = [body for body in self.api.all("drains") if body["spec"].get("pod") == pod]
        return drains[-1].get("status") or {} if drains else {}
