"""What commands are answered with."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from parley_core.domain.client_frames import Command
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Event, Listed, Mail, MailKind, Whereabouts
from parley_core.domain.ids import DeviceId, MessageId, UserId
from parley_core.domain.presence import presence_entry, stamp
from parley_core.domain.server_frames import History, SessionEntry, System
from parley_edge.domain.greeting import messages


def history_reply(
    events: Iterable[Event], command: Command, *, has_more: bool, plain: bool
) -> History:
    return History(
        messages=messages(events, plain=plain),
        has_more=has_more,
        request_id=command.request_id or UNSET,
    )


def sessions_reply(listed: Iterable[Listed], command: Command) -> System:
    entries = [_entry(session) for session in listed]
    return System(sessions=entries, request_id=command.request_id or UNSET)


def presence_reply(found: Iterable[Whereabouts], command: Command) -> System:
    entries = [presence_entry(whereabouts) for whereabouts in found]
    return System(presence=entries, request_id=command.request_id or UNSET)


def queued_mail(command: Command, *, user: UserId, device: DeviceId, new_id: str) -> Mail:
    """A clear or a topic switch runs in its turn, as mail. Raises `Refused`.

    Its id is the request's, so that a repeat is harmless; `new_id` if that has none.
    """
    is_topic = command.command == "switch_topic"
    return Mail(
        kind=MailKind.TOPIC if is_topic else MailKind.CLEAR,
        message_id=MessageId(command.request_id or new_id),
        user_id=user,
        device_id=device,
        topic=required(command.topic, "topic") if is_topic else "",
    )


def queued_reply(mail: Mail, command: Command) -> System:
    return System(queued=True, message_id=mail.message_id, request_id=command.request_id or UNSET)


def required(value: str | None, name: str) -> str:
    """A field that a command cannot do without. Raises `Refused`."""
    if value is None:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"This command needs {name}.")
    return value


def _entry(listed: Listed) -> SessionEntry:
    return SessionEntry(
        session_id=listed.session,
        role=listed.role,
        topic=listed.topic or None,
        last_active=stamp(listed.last_active),
        seq=listed.seq,
        current=listed.current,
    )
