"""What the HTTP API takes: bodies of requests, and what they must say besides their types."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from parley_core.domain import limits
from parley_core.domain.asking import Asker
from parley_core.domain.client_frames import Content, Count, Identifier, Name, Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import DeviceId, MessageId, SessionId, UserId
from parley_core.domain.members import ReplyMode
from parley_core.domain.server_frames import Text, encode_open

Users = Annotated[list[Name], Meta(min_length=1, max_length=limits.BROADCAST_USERS)]


class MessagePost(Struct, frozen=True, kw_only=True):
    """A message into a session.

    `role` user: what `user_id` says, for the agent to answer; a back end names the user, a user
    is oneself. `role` system: a notice, shown to everybody in the session and kept in its log; the
    agent does not hear of it, and only back ends may say it. `answers`: where the agent waits for
    an answer, a user's text is that answer.
    """

    content: Content
    role: Literal["user", "system"] = "user"
    message_id: Identifier | None = None
    user_id: Name | None = None
    device_id: Name | None = None
    strategy: Strategy = Strategy.ENQUEUE
    after: Count | None = None
    answers: bool = False


class BroadcastPost(Struct, frozen=True, kw_only=True):
    """A notice to those who are connected: to `users`, or to `all`; one of the two."""

    notice: Content
    users: Users | None = None
    all: bool = False
    message_id: Identifier | None = None


class MemberPost(Struct, frozen=True, kw_only=True):
    """Somebody who gets a role in a session, or another one."""

    user_id: Name
    role: Literal["member", "viewer"] = "member"


class ReplyPut(Struct, frozen=True, kw_only=True):
    """When the agent answers from the next text on."""

    mode: ReplyMode


def author(post: MessagePost, asker: Asker) -> UserId:
    """Who says a message with the role user. Raises `Refused`."""
    if asker.user is not None:
        if post.user_id not in {None, asker.user}:
            raise Refused(ErrorCode.FORBIDDEN, "You may not speak for another user.")
        return asker.user
    if post.user_id is None:
        raise Refused(ErrorCode.INVALID_MESSAGE, "A back end names the user_id it speaks for.")
    return UserId(post.user_id)


def mail_of(post: MessagePost, *, user: UserId, device: str, message_id: MessageId) -> Mail:
    """The agent's input; `device` is empty where none is named."""
    return Mail(
        kind=MailKind.TEXT,
        message_id=message_id,
        user_id=user,
        device_id=DeviceId(device),
        content=post.content,
        strategy=post.strategy,
        after=post.after,
    )


def notice_of(content: str, *, session: SessionId, message_id: MessageId) -> bytes:
    """What goes into the log of a notice; the store completes it."""
    return encode_open(
        Text(message_id=message_id, session_id=session, role="system", content=content)
    )


def receivers(post: BroadcastPost) -> frozenset[UserId] | None:
    """None for all who are connected. Raises `Refused`."""
    if post.all == (post.users is not None):
        raise Refused(ErrorCode.INVALID_MESSAGE, "Send either users or all: true.")
    return None if post.users is None else frozenset(map(UserId, post.users))
