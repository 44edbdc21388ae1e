"""Putting a client's input into the store."""

from __future__ import annotations

from collections.abc import Awaitable

from parley_core.domain.client_frames import Answer, Text
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Accepted, Mail
from parley_core.domain.ids import MessageId
from parley_core.domain.members import Role
from parley_edge import metrics
from parley_edge.connection import Connection
from parley_edge.domain.inputs import answer_mail, text_mail, text_value
from parley_edge.follower import Follower
from parley_edge.opening import following, reopen
from parley_edge.patience import append_patiently


async def append_text(connection: Connection, text: Text) -> None:
    """A message of the user. Returns when its ack is out. Raises `Refused`, `Unavailable`."""
    message_id = _message_id(connection, text.message_id)
    mail = text_mail(text, message_id=message_id, user=connection.user, device=connection.device)
    await _append_and_ack(connection, mail, text_value(text, plain=connection.is_plain))


async def append_answer(connection: Connection, answer: Answer) -> None:
    """An answer to a question of the agent, otherwise as `append_text`."""
    message_id = _message_id(connection, answer.message_id)
    mail = answer_mail(
        answer, message_id=message_id, user=connection.user, device=connection.device
    )
    await _append_and_ack(connection, mail, bytes(answer.value))


def _message_id(connection: Connection, given: str | None) -> MessageId:
    """An input without an id gets one before the first try, so that a retry cannot double it."""
    return MessageId(given or connection.edge.new_id())


async def _append_and_ack(connection: Connection, mail: Mail, value: bytes) -> None:
    with metrics.ACK_SECONDS.time():
        accepted, follower = await append(connection, mail, value=value)
    await follower.accepted(accepted, mail.message_id)


async def append(
    connection: Connection, mail: Mail, *, value: bytes = b""
) -> tuple[Accepted, Follower]:
    """Append to the session, or if it expired to the one that takes its place; says which."""
    follower = following(connection)
    try:
        return await _append(connection, follower, mail, value), follower
    except Refused as refused:
        if refused.code is not ErrorCode.SESSION_NOT_FOUND or connection.is_closing:
            raise
        gone = refused
    await reopen(connection, instead_of=follower)
    if follower.role is not Role.OWNER:
        raise gone  # What is said to others is not said to nobody.
    follower = following(connection)
    return await _append(connection, follower, mail, value), follower


def _append(
    connection: Connection, follower: Follower, mail: Mail, value: bytes
) -> Awaitable[Accepted]:
    follower.sending(mail.message_id)
    return append_patiently(
        connection.edge.conversations,
        follower.session,
        mail,
        origin=connection.id,
        value=value,
    )
