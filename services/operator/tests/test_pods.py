"""What the operator does about pods, as a process, with real edges and workers."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.release import Release, eventually, pod_body
from parley_testing.talk import AGENTS, Talk

SLOW = {"PARLEY_GRAPH": f"{AGENTS}:slow"}
"""An agent that is busy with a turn for seconds."""


async def test_an_edge_whose_pod_goes_is_drained_and_people_can_see_it(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("edge", "edge-a")
    await release.run("edge", "edge-b")
    await release.operator()

    release.goes("edge-a")

    await eventually(lambda: release.drain_of("edge-a").get("phase") == "Drained", within=15)
    assert release.drain_of("edge-a")["lost"] == 0
    assert release.drain_of("edge-b") == {}
    await eventually(lambda: api.reasons("edge-a") == ["SessionsDraining", "SessionsDrained"])


async def test_a_pod_that_was_deleted_by_force_is_not_drained(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("edge", "edge-a")
    await release.run("edge", "edge-b")
    await release.operator()

    release.goes("edge-a", grace=0)
    release.goes("edge-b", grace=30)

    await eventually(lambda: bool(release.drain_of("edge-b")))
    assert release.drain_of("edge-a") == {}


async def test_the_process_of_a_deleted_pod_is_barred_and_reaped(
    release: Release, api: KubernetesApi
) -> None:
    worker = await release.run("conversation", "worker-a")
    await release.operator()
    worker.signal(signal.SIGSTOP)

    api.delete("pods", "worker-a")

    assert await eventually(lambda: release.is_silent("worker-a")) < 3
    assert await release.barred("worker-a")


@pytest.mark.timeout(120)  # two workers start, one after the other, and one turn is slow
async def test_a_killed_workers_session_goes_on_elsewhere_within_a_second_and_a_half(
    release: Release, talk: Talk
) -> None:
    spare = await release.run("conversation", "worker-b", **SLOW)
    await release.order(spare, "POST", "/drain")
    victim = await release.run("conversation", "worker-a", **SLOW)
    await release.operator()
    turn = await talk.say("Hello!")
    await talk.first_delta(turn)
    await release.order(spare, "DELETE", "/drain")

    victim.signal(signal.SIGKILL)
    await victim.wait_exit()
    release.ends("worker-a", exit_code=137)
    went_on = await eventually(lambda: any(delta.attempt == 2 for delta in talk.deltas))

    assert went_on < 1.5
    answer = await talk.answer_to(turn)
    assert await talk.said() == ["Hello!", answer]


async def test_the_process_of_a_container_that_was_started_again_is_not_touched(
    release: Release, api: KubernetesApi
) -> None:
    began = time.time()
    await release.run("conversation", "worker-a")
    await release.run("presence", "presence-a")
    await release.operator()

    release.starts_again("worker-a", began=began)
    release.starts_again("presence-a", began=time.time() + 60)

    await eventually(lambda: release.barred("presence-a"))
    assert not await release.barred("worker-a")


async def test_a_pod_whose_end_nobody_told_is_found_by_two_full_looks(
    release: Release, api: KubernetesApi
) -> None:
    worker = await release.run("conversation", "worker-a")
    await release.operator(RECONCILE_INTERVAL="0.5")

    api.is_deaf = True
    worker.signal(signal.SIGSTOP)
    api.delete("pods", "worker-a")

    await eventually(lambda: release.barred("worker-a"), within=12)


async def test_a_process_without_a_pod_is_barred_only_when_it_is_silent(
    release: Release, api: KubernetesApi
) -> None:
    beating = await release.run("conversation", "worker-a")
    silent = await release.run("conversation", "worker-b")
    api.delete("pods", "worker-a")
    api.delete("pods", "worker-b")
    await release.operator(RECONCILE_INTERVAL="0.5")

    silent.signal(signal.SIGSTOP)

    assert await eventually(lambda: release.barred("worker-b"), within=12) > 2
    assert not await release.barred("worker-a")
    assert beating.poll() is None


async def test_processes_of_another_release_are_left_alone(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("conversation", "worker-a", PARLEY_RELEASE="other")
    await release.run("conversation", "worker-b")
    await release.operator()

    api.delete("pods", "worker-a")
    api.delete("pods", "worker-b")

    await eventually(lambda: release.barred("worker-b"))
    assert not await release.barred("worker-a")


async def test_a_drain_is_followed_by_the_operator_after_one_that_was_killed(
    release: Release, api: KubernetesApi, talk: Talk
) -> None:
    await release.run("conversation", "worker-a", **SLOW)
    first = await release.operator()
    await talk.first_delta(await talk.say("Hello!"))
    release.goes("worker-a")
    await eventually(lambda: release.drain_of("worker-a").get("phase") == "Draining")

    first.signal(signal.SIGKILL)
    await release.operator()

    await eventually(lambda: release.drain_of("worker-a").get("phase") == "Drained", within=20)
    assert len(api.all("drains")) == 1


async def test_the_operator_writes_nothing_to_pods_but_their_deletion_cost(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("edge", "edge-a")
    await release.operator()
    await eventually(lambda: "annotations" in api.get("pods", "edge-a")["metadata"])

    release.goes("edge-a")
    await eventually(lambda: release.drain_of("edge-a").get("phase") == "Drained", within=15)

    patches = [body for method, path, body in api.requests if "/pods/" in path]
    cost = {"controller.kubernetes.io/pod-deletion-cost": "1"}
    assert patches == [{"metadata": {"annotations": cost}}]


async def test_the_operator_works_while_the_api_and_redis_come_late(
    release: Release, api: KubernetesApi
) -> None:
    """Everything may begin in any order."""
    await release.run("conversation", "worker-a")
    api.is_down = True
    starting = asyncio.create_task(release.operator())
    await asyncio.sleep(3)
    assert not starting.done()

    api.is_down = False
    await starting
    api.delete("pods", "worker-a")

    await eventually(lambda: release.barred("worker-a"))


async def test_pods_of_other_releases_are_not_even_seen(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("edge", "edge-a")
    other = pod_body("edge-z", kind="edge")
    other["metadata"]["labels"]["app.kubernetes.io/instance"] = "other"
    api.put("pods", other)
    operator = await release.operator()

    assert await release.metric(operator, 'parley_operator_pods{component="edge"}') == 1
