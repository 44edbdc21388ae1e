"""What the HTTP API replies. All times are ISO 8601 in UTC."""

from __future__ import annotations

from msgspec import Raw, Struct

from parley_core.domain.codes import CLOSES, CloseCode
from parley_core.domain.events import Listed
from parley_core.domain.ids import SessionId
from parley_core.domain.members import Group
from parley_core.domain.presence import stamp


class PostedView(Struct, frozen=True, kw_only=True):
    """A message that is in the log. `repeated`: it was before this request."""

    session_id: str
    message_id: str
    seq: int
    repeated: bool


class ToldView(Struct, frozen=True, kw_only=True):
    """How many edges were told of a broadcast; each tells its own connections."""

    message_id: str
    edges: int


class ClosedView(Struct, frozen=True, kw_only=True):
    """Why a connection was closed: a WebSocket's close code, and its reason."""

    code: int
    reason: str


class PollView(Struct, frozen=True, kw_only=True):
    """What one poll brings.

    `events`: frames as a WebSocket has them, the first is the `system` of the attach.
    `last_event_id`: what the next poll sends as Last-Event-ID. `closed`: set if the server ended
    the poll before its time.
    """

    events: list[Raw]
    last_event_id: str
    closed: ClosedView | None


def closed_view(code: CloseCode) -> ClosedView:
    return ClosedView(code=code, reason=CLOSES[code].reason)


class SessionView(Struct, frozen=True, kw_only=True):
    """One of a user's sessions."""

    session_id: str
    role: str
    topic: str | None
    seq: int
    last_active: str
    current: bool
    archived: bool


class SessionList(Struct, frozen=True, kw_only=True):
    """Newest activity first."""

    sessions: list[SessionView]


class MemberView(Struct, frozen=True, kw_only=True):
    """Somebody in a session: its owner, a member or a viewer."""

    user_id: str
    role: str


class GroupView(Struct, frozen=True, kw_only=True):
    """All who are in a session, its owner first, and when the agent answers there."""

    session_id: str
    members: list[MemberView]
    reply: str


def group_view(session: SessionId, group: Group) -> GroupView:
    members = [MemberView(user_id=each.user, role=each.role) for each in group.members]
    return GroupView(session_id=session, members=members, reply=group.reply)


def session_view(listed: Listed) -> SessionView:
    return SessionView(
        session_id=listed.session,
        role=listed.role,
        topic=listed.topic or None,
        seq=listed.seq,
        last_active=stamp(listed.last_active),
        current=listed.current,
        archived=listed.archived,
    )
