from __future__ import annotations

from parley_core.domain.events import Online, ProcessInfo, Whereabouts
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_presence.domain.views import DeviceView, presence_view, process_list

ANN, PHONE, DESK = UserId("ann"), DeviceId("phone"), DeviceId("desk")


def connection(name: str, device: DeviceId) -> Online:
    return Online(ConnectionId(name), device, "edge/1", 500)


def test_a_device_with_connections_was_seen_now_and_one_without_when_it_left() -> None:
    found = Whereabouts(
        ANN,
        online=True,
        connections=(connection("c1", PHONE), connection("c2", PHONE)),
        last_seen=2_000,
        left={PHONE: 900, DESK: 1_000},
    )

    view = presence_view(found)

    assert (view.state, view.devices) == ("online", ["phone"])
    assert view.last_seen == "1970-01-01T00:00:02.000Z"
    assert view.seen == [
        DeviceView(
            device_id="desk",
            state="offline",
            connections=0,
            last_seen="1970-01-01T00:00:01.000Z",
        ),
        DeviceView(
            device_id="phone",
            state="online",
            connections=2,
            last_seen="1970-01-01T00:00:02.000Z",
        ),
    ]


def test_somebody_in_the_grace_time_is_online_without_devices() -> None:
    found = Whereabouts(ANN, online=True, connections=(), last_seen=2_000, left={DESK: 1_000})

    view = presence_view(found)

    assert (view.state, view.devices) == ("online", [])
    assert [(device.device_id, device.state) for device in view.seen] == [("desk", "offline")]


def test_somebody_never_seen_is_offline() -> None:
    view = presence_view(Whereabouts(ANN, online=False, connections=(), last_seen=None))

    assert (view.state, view.devices, view.last_seen, view.seen) == ("offline", [], None, [])


def test_processes_are_listed_by_kind_and_name() -> None:
    info = ProcessInfo(kind="edge", started=1.5, pod="edge-0", draining=True, connections=7)
    alive = {
        ProcessId("presence-1/b"): ProcessInfo(kind="presence", started=2.0),
        ProcessId("edge-2/a"): info,
        ProcessId("edge-1/c"): ProcessInfo(kind="edge", started=2.0),
    }

    views = process_list(alive).processes

    assert [view.process for view in views] == ["edge-1/c", "edge-2/a", "presence-1/b"]
    assert (views[1].server_id, views[1].pod, views[1].started) == (
        "edge-2",
        "edge-0",
        "1970-01-01T00:00:01.500Z",
    )
    assert (views[1].draining, views[1].connections) == (True, 7)
