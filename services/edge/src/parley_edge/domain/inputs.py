"""What goes into the log of an input for the agent."""

from __future__ import annotations

from msgspec import UNSET

from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import SessionId
from parley_core.domain.server_frames import Text, encode_open


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
