"""Who is online and which process lives: rules over what the store holds.

Times are Unix milliseconds by Redis's clock, durations are seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from parley_core.domain.events import Whereabouts
from parley_core.domain.server_frames import Presence, PresenceEntry

GRACE = 5.0
"""From a user's last connection to being offline, so that a reconnect does not flap."""
BEAT = 2.0
"""Between two beats of a process."""
LIFE = 8.0
"""From a process's last beat to its connections being reaped."""
LOOK = 1.0
"""Between two looks for overdue processes: LIFE, LOOK and GRACE together stay below 15 s."""
LONGEST_LOOK = 3.0
"""Longer than anybody waits between two looks: then Redis was away, not the processes."""
REMEMBERED = 3_600.0
"""For how long a reaped process is remembered, to take away what arrived late from it."""


class UserState(StrEnum):
    """`offline -> online -> leaving -> offline`, and `leaving -> online` by a reconnect."""

    ONLINE = "online"
    LEAVING = "leaving"
    OFFLINE = "offline"


def user_state(*, connections: int, due: int | None, now: int) -> UserState:
    """`due`: when the grace time of a user ends who has no connection left."""
    if connections > 0:
        return UserState.ONLINE
    return UserState.LEAVING if due is not None and due > now else UserState.OFFLINE


class ProcessState(StrEnum):
    """`alive -> overdue -> condemned -> reaped`; from each of them a beat leads back to alive."""

    ALIVE = "alive"
    OVERDUE = "overdue"
    CONDEMNED = "condemned"
    REAPED = "reaped"


def process_state(score: float, *, now: int) -> ProcessState:
    """`score`: alive until then; 0 while it is being reaped, then minus the time of that."""
    if score < 0:
        return ProcessState.REAPED
    if score == 0:
        return ProcessState.CONDEMNED
    return ProcessState.ALIVE if score > now else ProcessState.OVERDUE


def stamp(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, as the scripts write it."""
    second = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def presence_entry(found: Whereabouts) -> PresenceEntry:
    """What the wire says of a user; somebody in the grace time is online without devices."""
    return PresenceEntry(
        user_id=found.user,
        state=UserState.ONLINE if found.online else UserState.OFFLINE,
        devices=sorted({connection.device for connection in found.connections}),
        last_seen=None if found.last_seen is None else stamp(found.last_seen),
    )


def presence_frame(entry: PresenceEntry) -> Presence:
    """The entry of an answer as what those who watch are told."""
    return Presence(
        user_id=entry.user_id,
        state=entry.state,
        devices=entry.devices,
        last_seen=entry.last_seen,
    )
