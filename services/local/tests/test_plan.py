"""Who runs, under which name, on which port."""

from __future__ import annotations

import pytest

from parley_core.settings import load
from parley_local.plan import make_plan
from parley_local.settings import LocalSettings


@pytest.fixture(autouse=True)
def no_ports_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEBSOCKET_PORT", "ADMIN_PORT", "HTTP_PORT", "CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_two_edges_two_workers_and_one_presence_service_run() -> None:
    plan = make_plan(load(LocalSettings))

    assert [(part.name, part.admin_port) for part in plan.parts] == [
        ("edge-1", 8766),
        ("edge-2", 8767),
        ("worker-1", 8768),
        ("worker-2", 8769),
        ("presence-1", 8770),
    ]
    assert [part.environment["HTTP_PORT"] for part in plan.workers] == ["8780", "8780"]
    assert plan.presence[0].environment == {
        "SERVER_ID": "presence-1",
        "ADMIN_PORT": "8770",
        "HTTP_PORT": "8781",
    }


def test_whoever_brings_work_in_is_stopped_first() -> None:
    stages = make_plan(load(LocalSettings)).stages

    modules = [{part.module for part in stage} for stage in stages]
    assert modules == [{"parley_edge"}, {"parley_conversation"}, {"parley_presence"}]


def test_each_taken_port_has_the_setting_that_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PORT", "9000")

    ports = make_plan(load(LocalSettings)).ports

    assert ports == {
        8765: "WEBSOCKET_PORT",
        8780: "HTTP_PORT",
        8781: "HTTP_PORT",
        **{9000 + number: "ADMIN_PORT" for number in range(5)},
    }
