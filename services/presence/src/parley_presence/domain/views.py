"""What the HTTP API shows. Times are ISO 8601 in UTC."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from msgspec import Struct

from parley_core.domain.events import ProcessInfo, Whereabouts
from parley_core.domain.ids import DeviceId, ProcessId, server_of
from parley_core.domain.presence import presence_entry, stamp

State = Literal["online", "offline"]


class DeviceView(Struct, frozen=True, kw_only=True):
    """One device of a user; `last_seen` is when its last connection ended, now if one lives."""

    device_id: str
    state: State
    connections: int
    last_seen: str | None


class PresenceView(Struct, frozen=True, kw_only=True):
    """Where a user is: the protocol's presence fields, and the newest devices one by one."""

    user_id: str
    state: State
    devices: list[str]
    last_seen: str | None
    seen: list[DeviceView]


class PresenceList(Struct, frozen=True, kw_only=True):
    """In the order asked."""

    presence: list[PresenceView]


class ProcessView(Struct, frozen=True, kw_only=True):
    """A process whose last beat is not older than 8 s."""

    process: str
    server_id: str
    kind: str
    started: str
    release: str
    namespace: str
    pod: str
    admin_url: str
    draining: bool
    connections: int


class ProcessList(Struct, frozen=True, kw_only=True):
    """By kind, then by name."""

    processes: list[ProcessView]


def presence_view(found: Whereabouts) -> PresenceView:
    """What a back end or the user is shown."""
    entry = presence_entry(found)
    return PresenceView(
        user_id=entry.user_id,
        state="online" if found.online else "offline",
        devices=entry.devices,
        last_seen=entry.last_seen,
        seen=_device_views(found),
    )


def process_list(alive: dict[ProcessId, ProcessInfo]) -> ProcessList:
    """What a back end is shown."""
    views = [_process_view(process, info) for process, info in alive.items()]
    return ProcessList(processes=sorted(views, key=lambda view: (view.kind, view.process)))


def _device_views(found: Whereabouts) -> list[DeviceView]:
    connected = Counter(connection.device for connection in found.connections)
    devices = sorted({*connected, *found.left})
    return [_device_view(found, device, connections=connected[device]) for device in devices]


def _device_view(found: Whereabouts, device: DeviceId, *, connections: int) -> DeviceView:
    last_seen = found.last_seen if connections else found.left[device]
    return DeviceView(
        device_id=device,
        state="online" if connections else "offline",
        connections=connections,
        last_seen=None if last_seen is None else stamp(last_seen),
    )


def _process_view(process: ProcessId, info: ProcessInfo) -> ProcessView:
    return ProcessView(
        process=process,
        server_id=server_of(process),
        kind=info.kind,
        started=stamp(round(info.started * 1000)),
        release=info.release,
        namespace=info.namespace,
        pod=info.pod,
        admin_url=info.admin_url,
        draining=info.draining,
        connections=info.connections,
    )
