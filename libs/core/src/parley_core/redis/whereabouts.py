"""Reading what lib/whereabouts.lua replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parley_core.domain.events import Online, Whereabouts
from parley_core.domain.ids import ConnectionId, DeviceId, UserId, partition_of
from parley_core.domain.presence import UserState, user_state
from parley_core.redis.keys import Keys


def leaving_key(keys: Keys, user: UserId) -> str:
    """Where the user's grace time ends."""
    return keys.partition(partition_of(user)).leaving


def whereabouts_keys(keys: Keys, user: UserId) -> list[str]:
    """KEYS 1-3 of the scripts that look where a user is."""
    return [keys.user(user), keys.online(user), leaving_key(keys, user)]


def whereabouts(user: UserId, reply: Sequence[Any]) -> Whereabouts:
    """The user's state at the moment the script ran."""
    now, due, last_seen, connections, left = reply
    state = user_state(connections=len(connections), due=due or None, now=now)
    is_online = state is not UserState.OFFLINE
    return Whereabouts(
        user=user,
        online=is_online,
        connections=tuple(
            _online(connection, value)
            for connection, value in zip(connections[::2], connections[1::2], strict=True)
        ),
        last_seen=now if is_online else last_seen or None,
        left={
            DeviceId(device.decode()): int(at)
            for device, at in zip(left[::2], left[1::2], strict=True)
        },
    )


def _online(connection: bytes, value: bytes) -> Online:
    device, process, since = value.decode().split("\n")
    return Online(ConnectionId(connection.decode()), DeviceId(device), process, int(since))
