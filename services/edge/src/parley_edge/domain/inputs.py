"""Inputs for the agent: a client's frames as mail, and what of it goes into the log."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from parley_core.domain import client_frames
from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import DeviceId, MessageId, SessionId, UserId
from parley_core.domain.server_frames import Text, encode_open
from parley_edge.domain.answering import answer_text


def text_mail(
    text: client_frames.Text, *, message_id: MessageId, user: UserId, device: DeviceId
) -> Mail:
    """A message of the user."""
    return Mail(
        kind=MailKind.TEXT,
        message_id=message_id,
        user_id=user,
        device_id=device,
        content=text.content,
        strategy=text.strategy,
        after=text.after,
    )


def text_value(text: client_frames.Text, *, plain: bool) -> bytes:
    """A plain client answers in no other way: its text is the answer where one is waited for."""
    return msgspec.json.encode(text.content) if plain else b""


def answer_mail(
    answer: client_frames.Answer, *, message_id: MessageId, user: UserId, device: DeviceId
) -> Mail:
    """An answer to a question of the agent. Raises `Refused` for what no text may be."""
    return Mail(
        kind=MailKind.ANSWER,
        message_id=message_id,
        user_id=user,
        device_id=device,
        content=answer_text(answer.value),
        interrupt_id=answer.interrupt_id,
    )


def log_frame(mail: Mail, session: SessionId) -> bytes:
    """The frame as the store completes it; empty for a command, which is not logged."""
    if mail.kind is not MailKind.TEXT and mail.kind is not MailKind.ANSWER:
        return b""
    return encode_open(
        Text(
            message_id=mail.message_id,
            session_id=session,
            role="user",
            user_id=mail.user_id,
            device_id=mail.device_id or UNSET,
            content=mail.content,
            interrupt_id=mail.interrupt_id or UNSET,
        )
    )
