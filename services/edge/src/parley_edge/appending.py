"""Putting a client's input into the store."""

from __future__ import annotations

import asyncio

from parley_core.domain.client_frames import Text
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import Accepted, Mail, MailKind
from parley_core.domain.ids import MessageId
from parley_core.domain.server_frames import Text as TextFrame
from parley_core.domain.server_frames import encode_open
from parley_edge import metrics
from parley_edge.connection import Connection
from parley_edge.follower import Follower
from parley_edge.opening import following, reopen

_QUICK_RETRIES = (0.05, 0.2)
"""Seconds before each repeat that the client does not notice; an append may be repeated."""


async def append_text(connection: Connection, text: Text) -> None:
    """A message of the user. Returns when its ack is out. Raises `Refused`, `Unavailable`.

    One without an id gets one before the first try, so that a retry cannot double it.
    """
    message_id = MessageId(text.message_id or connection.edge.new_id())
    mail = Mail(
        kind=MailKind.TEXT,
        message_id=message_id,
        user_id=connection.user,
        device_id=connection.device,
        content=text.content,
        strategy=text.strategy,
        after=text.after,
    )
    with metrics.ACK_SECONDS.time():
        accepted, follower = await append(connection, mail)
    await follower.accepted(accepted, message_id)


async def append(connection: Connection, mail: Mail) -> tuple[Accepted, Follower]:
    """Append to the session, or if it expired to the one that takes its place; says which."""
    follower = following(connection)
    try:
        return await _append(connection, follower, mail), follower
    except Refused as refused:
        if refused.code is not ErrorCode.SESSION_NOT_FOUND or connection.is_closing:
            raise
    await reopen(connection, instead_of=follower)
    follower = following(connection)
    return await _append(connection, follower, mail), follower


async def _append(connection: Connection, follower: Follower, mail: Mail) -> Accepted:
    """Once, and quickly again while Redis is away for a moment."""
    follower.sending(mail.message_id)
    for pause in _QUICK_RETRIES:
        try:
            return await _append_once(connection, follower, mail)
        except Unavailable:
            await asyncio.sleep(pause)
    return await _append_once(connection, follower, mail)


async def _append_once(connection: Connection, follower: Follower, mail: Mail) -> Accepted:
    return await connection.edge.conversations.append(
        follower.session, mail, frame=_log_frame(mail, follower), origin=connection.id
    )


def _log_frame(mail: Mail, follower: Follower) -> bytes:
    """What goes into the log; nothing of a command."""
    if mail.kind is not MailKind.TEXT:
        return b""
    return encode_open(
        TextFrame(
            message_id=mail.message_id,
            session_id=follower.session,
            role="user",
            user_id=mail.user_id,
            device_id=mail.device_id,
            content=mail.content,
        )
    )
