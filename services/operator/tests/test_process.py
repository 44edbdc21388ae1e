"""The operator's process: how it starts, and how it ends."""

from __future__ import annotations

import signal

from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.release import Release


async def test_it_ends_in_order_and_soon_when_it_is_told_to(release: Release) -> None:
    operator = await release.operator()

    operator.signal(signal.SIGTERM)

    assert await operator.wait_exit(within=5) == 0


async def test_it_ends_also_while_it_waits_for_the_api(
    release: Release, api: KubernetesApi
) -> None:
    operator = await release.operator()
    api.is_down = True

    operator.signal(signal.SIGTERM)

    assert await operator.wait_exit(within=8) == 0


async def test_without_a_release_it_says_what_is_missing(redis_url: str) -> None:
    operator = ServiceProcess(
        "parley_operator",
        admin_port=free_port(),
        env={"REDIS_URL": redis_url, "PARLEY_RELEASE": "", "PARLEY_NAMESPACE": "rooms"},
    )
    operator.start()
    try:
        assert await operator.wait_exit() == 1
        assert "PARLEY_RELEASE and PARLEY_NAMESPACE must say" in operator.log()
    finally:
        operator.end()
