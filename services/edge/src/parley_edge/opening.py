"""How a connection comes to a session: the first auth, a move to another, one that expired."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from msgspec import UNSET

from parley_core.domain.backoff import backoff
from parley_core.domain.client_frames import Auth, Position
from parley_core.domain.codes import CloseCode, ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import Opened
from parley_core.domain.ids import DeviceId, SessionId, session_partition
from parley_edge.admission import TurnedAwayError, admit
from parley_edge.connection import Connection
from parley_edge.domain.greeting import greeted_at, greeting
from parley_edge.domain.lifecycle import Phase
from parley_edge.domain.rendering import audience, capabilities_of
from parley_edge.follower import Follower

RETRY_AFTER_MS = 1000
"""What a client is told to wait while Redis is away."""


async def open_first(connection: Connection, auth: Auth) -> None:
    """The auth of a connection: admit the user, open the session, begin to follow.

    While Redis is away the client is told once and the edge goes on trying: a connection that has
    said who it is must not be counted as one that did not.
    """
    try:
        connection.user = await admit(auth, edge=connection.edge)
    except TurnedAwayError as turned_away:
        connection.fail(turned_away.code, turned_away.message)
        connection.close(turned_away.close)
        return
    connection.device = DeviceId(auth.device_id)
    capabilities = capabilities_of(auth.capabilities)
    connection.audience = audience(connection.audience.form, capabilities)
    session = None if auth.session_id is None else SessionId(auth.session_id)
    new = connection.edge.new_id() if auth.new_session else None
    try:
        await _open_patiently(connection, session=session, new=new, position=auth.resume)
    except Refused as refused:
        _refuse(connection, refused)


def _refuse(connection: Connection, refused: Refused) -> None:
    connection.fail(refused.code, refused.message, retry_after_ms=refused.retry_after_ms)
    if refused.code is ErrorCode.FORBIDDEN:
        connection.close(CloseCode.FORBIDDEN)
    elif connection.phase is Phase.OPENING:
        connection.start_over()


async def _open_patiently(
    connection: Connection,
    *,
    session: SessionId | None,
    new: str | None,
    position: Position | None,
    instead_of: Follower | None = None,
) -> None:
    failures = 0
    while not connection.is_closing and connection.follower is instead_of:
        try:
            await move(
                connection, session=session, new=new, position=position, instead_of=instead_of
            )
        except Unavailable as error:
            failures += 1
            if failures == 1:
                connection.fail(
                    ErrorCode.UNAVAILABLE, "The storage is away.", retry_after_ms=RETRY_AFTER_MS
                )
            await asyncio.sleep(max(error.delay, backoff(failures, roll=1.0)))
        else:
            return


async def move(
    connection: Connection,
    *,
    session: SessionId | None = None,
    new: str | None = None,
    position: Position | None = None,
    request_id: str | None = None,
    instead_of: Follower | None = None,
) -> None:
    """Open a session, the current one if none is named, and follow it.

    Nothing happens if it is `instead_of` one that was left meanwhile. Raises `Refused`,
    `Unavailable`.
    """
    async with connection.moving:
        if instead_of is not None and connection.follower is not instead_of:
            return
        follower = await _joined(connection, session)
        try:
            opened = await _open(connection, session=session, new=new, position=position)
        except (Refused, Unavailable):
            if follower is not None:
                follower.end()
            raise
        is_fresh = follower is not None
        if follower is None:
            follower = _new_follower(connection, opened.session)
            with suppress(Unavailable):  # It joins as soon as it can.
                await follower.join()
        follower.role = opened.role
        connection.follow(follower)
        _greet(connection, opened, position=position, request_id=request_id)
    await follower.begin(opened.attachment, resumed_from=position, fresh=is_fresh)


def following(connection: Connection) -> Follower:
    """The session that the client speaks for. Raises `Refused` before there is one."""
    if connection.follower is None:
        raise Refused(ErrorCode.UNAUTHENTICATED, "Send auth first.")
    return connection.follower


async def reopen(connection: Connection, *, instead_of: Follower) -> None:
    """The session is gone. Open it again, or if nobody knows it any more the current one.

    The client is told that it was not recovered: its position is on no log.
    """
    position, old = instead_of.reader.position, instead_of
    try:
        await _open_patiently(
            connection, session=old.session, new=None, position=position, instead_of=old
        )
    except Refused:
        await _open_patiently(connection, session=None, new=None, position=position, instead_of=old)


async def _joined(connection: Connection, session: SessionId | None) -> Follower | None:
    """Hear the session before it is read, so that nothing falls between; None if not known."""
    if session is None or session_partition(session) is None:
        return None
    follower = _new_follower(connection, session)
    try:
        await follower.join()
    except Unavailable:
        follower.end()
        raise
    return follower


def _new_follower(connection: Connection, session: SessionId) -> Follower:
    return Follower(
        connection,
        session,
        edge=connection.edge,
        session_gone=lambda follower: reopen(connection, instead_of=follower),
    )


async def _open(
    connection: Connection, *, session: SessionId | None, new: str | None, position: Position | None
) -> Opened:
    # Set before the try: a call that failed may have taken effect.
    connection.is_registered = True
    return await connection.edge.conversations.open(
        connection.user,
        device=connection.device,
        connection=connection.id,
        session=session,
        new=new,
        position=position,
    )


def _greet(
    connection: Connection, opened: Opened, *, position: Position | None, request_id: str | None
) -> None:
    edge = connection.edge
    connection.replay(
        greeting(
            opened.session,
            opened.attachment,
            existed=opened.existed,
            resumed_from=position,
            plain=connection.is_plain,
            server=edge.server,
            now=edge.now(),
            request_id=request_id or UNSET,
        ),
        place=greeted_at(opened.attachment, resumed_from=position),
    )
