"""Connections on edges, with the operator as a process and real clients."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import httpx

from parley_operator.domain.pods import COST
from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.release import TOKEN, Release, eventually
from parley_testing.wire import WireClient


async def connect(stack: AsyncExitStack, port: int, *, count: int, name: str) -> None:
    for number in range(count):
        client = await stack.enter_async_context(WireClient(f"ws://127.0.0.1:{port}/ws"))
        await client.auth(f"{name}-{number}")


async def round_of(edge: ServiceProcess) -> dict[str, Any]:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        return dict((await client.get(f"{edge.admin_url}/rebalance")).json())


async def test_a_full_edge_sends_its_surplus_on_when_a_new_one_serves(release: Release) -> None:
    port = free_port()
    full = await release.run("edge", "edge-a", WEBSOCKET_PORT=str(port))
    operator = await release.operator()
    async with AsyncExitStack() as stack:
        await connect(stack, port, count=40, name="guest")

        await release.run("edge", "edge-b")

        async def is_asked() -> bool:
            return bool((await round_of(full))["chosen"])

        await eventually(is_asked, within=20)
        assert (await round_of(full))["chosen"] == 20
        assert await release.metric(operator, "parley_operator_rebalances_total") >= 1


async def test_a_surplus_is_not_sent_on_while_a_drain_moves_connections(
    release: Release, api: KubernetesApi
) -> None:
    ports = {name: free_port() for name in ("edge-a", "edge-c")}
    full = await release.run("edge", "edge-a", WEBSOCKET_PORT=str(ports["edge-a"]))
    slowly = {"WEBSOCKET_PORT": str(ports["edge-c"]), "RESUME_RATE": "0.05"}
    leaving = await release.run("edge", "edge-c", **slowly)
    await release.operator()
    async with AsyncExitStack() as stack:
        await connect(stack, ports["edge-a"], count=40, name="guest")
        await connect(stack, ports["edge-c"], count=3, name="late")
        await release.order(leaving, "POST", "/drain?within=60")

        await release.run("edge", "edge-b")

        def is_seen() -> bool:
            return "annotations" in api.get("pods", "edge-b")["metadata"]

        async def is_asked() -> bool:
            return bool((await round_of(full))["chosen"])

        await eventually(is_seen)
        assert not await is_asked()
        await release.order(leaving, "DELETE", "/drain")
        await eventually(is_asked, within=20)


async def test_an_edge_that_was_there_before_the_operator_is_not_new(release: Release) -> None:
    port = free_port()
    full = await release.run("edge", "edge-a", WEBSOCKET_PORT=str(port))
    await release.run("edge", "edge-b")
    async with AsyncExitStack() as stack:
        await connect(stack, port, count=40, name="guest")

        await release.operator()

        # Costs are written in the same look as a rebalance would be ordered in.
        api = release.api
        await eventually(lambda: "annotations" in api.get("pods", "edge-a")["metadata"], within=20)
        assert (await round_of(full))["chosen"] == 0


async def test_the_emptiest_edge_costs_least_to_delete(
    release: Release, api: KubernetesApi
) -> None:
    ports = {name: free_port() for name in ("edge-a", "edge-b", "edge-c")}
    for name, port in ports.items():
        await release.run("edge", name, WEBSOCKET_PORT=str(port))
    async with AsyncExitStack() as stack:
        for name, count in {"edge-a": 4, "edge-b": 0, "edge-c": 2}.items():
            await connect(stack, ports[name], count=count, name=name)
        await release.operator()

        def costs() -> dict[str, str | None]:
            pods = {body["metadata"]["name"]: body["metadata"] for body in api.all("pods")}
            return {name: pod.get("annotations", {}).get(COST) for name, pod in pods.items()}

        expected = {"edge-a": "3", "edge-b": "1", "edge-c": "2"}
        await eventually(lambda: costs() == expected, within=20)
