"""The commands of the protocol's table, one function each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from parley_core.domain import limits
from parley_core.domain.client_frames import Capability, Command
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import Seq, SessionId, UserId
from parley_core.domain.members import outsiders
from parley_edge.appending import append
from parley_edge.connection import Connection
from parley_edge.domain.replies import (
    history_reply,
    presence_reply,
    queued_mail,
    queued_reply,
    required,
    sessions_reply,
)
from parley_edge.opening import following, move


async def run(connection: Connection, command: Command) -> None:
    """Carry out a command. Raises `Refused`, `Unavailable`."""
    handler = COMMANDS.get(command.command)
    if handler is None:
        raise Refused(ErrorCode.UNKNOWN_COMMAND, "There is no such command.")
    await handler(connection, command)


async def _get_history(connection: Connection, command: Command) -> None:
    events, has_more = await connection.edge.conversations.history(
        following(connection).session,
        before=None if command.before is None else Seq(command.before),
        limit=command.limit or limits.HISTORY,
        user=connection.user,
    )
    await connection.drained()
    connection.replay(history_reply(events, command, has_more=has_more, plain=connection.is_plain))


async def _queue(connection: Connection, command: Command) -> None:
    mail = queued_mail(
        command, user=connection.user, device=connection.device, new_id=connection.edge.new_id()
    )
    await append(connection, mail)
    connection.send(queued_reply(mail, command))


async def _list_sessions(connection: Connection, command: Command) -> None:
    listed = await connection.edge.conversations.sessions(connection.user)
    connection.send(sessions_reply(listed, command))


async def _new_session(connection: Connection, command: Command) -> None:
    await connection.drained()
    await move(connection, new=connection.edge.new_id(), request_id=command.request_id)


async def _switch_session(connection: Connection, command: Command) -> None:
    session = SessionId(required(command.session_id, "session_id"))
    await connection.drained()
    await move(connection, session=session, request_id=command.request_id)


async def _get_presence(connection: Connection, command: Command) -> None:
    users = [UserId(user) for user in command.user_ids or [connection.user]]
    await _check_may_see(connection, users)
    if Capability.PRESENCE in connection.audience.capabilities:
        await connection.watch(users)
        # Whoever went before the watch began would be watched by it.
        await _check_may_see(connection, users)
    with connection.watching.answering(watcher=connection):
        found = await connection.edge.connections.whereabouts(users)
        connection.send(presence_reply(found, command))


async def _check_may_see(connection: Connection, users: Iterable[UserId]) -> None:
    """One may see oneself and whoever is in the session. Raises `Refused`, and ends their watch."""
    others = frozenset(users) - {connection.user}
    if not others:
        return
    session = following(connection).session
    asked = {connection.user, *others}
    out = outsiders(asked, await connection.edge.memberships.roles(session, asked))
    if out or following(connection).session != session:
        connection.unwatch(others if connection.user in out else out)
        raise Refused(ErrorCode.FORBIDDEN, "You may not see where this user is.")


COMMANDS: dict[str, Callable[[Connection, Command], Awaitable[None]]] = {
    "get_history": _get_history,
    "clear_history": _queue,
    "switch_topic": _queue,
    "list_sessions": _list_sessions,
    "new_session": _new_session,
    "switch_session": _switch_session,
    "get_presence": _get_presence,
}
