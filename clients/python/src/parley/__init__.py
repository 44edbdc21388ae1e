"""Parley's Python SDK.

    async with parley.connect("ws://localhost:8765", user_id="ada", device_id="laptop") as session:
        await session.send("Hello")
        async for event in session:
            ...

The stream goes on over lost connections, drains and restarts of servers.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from parley.connection import Observer, Way, WireEvent
from parley.domain.events import Event, Snapshot, State, Status, Unknown
from parley.errors import Ended, Lost, Refused, Unacknowledged
from parley.session import PATIENCE, Session, new_id
from parley.stream import TokenSource
from parley_core.domain.client_frames import Auth, Capability, Position, Strategy

__all__ = [
    "Capability",
    "Ended",
    "Event",
    "Lost",
    "Observer",
    "Position",
    "Refused",
    "Session",
    "Snapshot",
    "State",
    "Status",
    "Strategy",
    "Unacknowledged",
    "Unknown",
    "Way",
    "WireEvent",
    "connect",
    "new_id",
]

EVERYTHING = tuple(Capability)
ROLL = secrets.SystemRandom().random


def connect(
    url: str,
    *,
    user_id: str,
    device_id: str,
    session_id: str | None = None,
    new_session: bool = False,
    capabilities: Sequence[Capability] = EVERYTHING,
    token: TokenSource | None = None,
    on_status: Callable[[Status], None] = lambda _: None,
    observer: Observer | None = None,
    patience: float = PATIENCE,
    roll: Callable[[], float] = ROLL,
) -> Session:
    """A session to enter with `async with`, which waits for the first connection.

    Without `session_id` it is the user's current session, made if there is none. `token` is asked
    before each connection. `on_status` and `observer` are told what the connection does and what
    goes over it; they must not block. `patience`: seconds for which the first connection and every
    call are tried. `roll` gives the jitter, in [0, 1).
    """
    # The SDK knows the places of its own texts by their acks.
    wanted = {Capability.ACK, *capabilities}
    auth = Auth(
        user_id=user_id,
        device_id=device_id,
        session_id=session_id,
        new_session=new_session,
        capabilities=sorted(wanted),
    )
    return Session(
        url,
        auth=auth,
        token=token,
        on_status=on_status,
        observer=observer,
        patience=patience,
        roll=roll,
    )
