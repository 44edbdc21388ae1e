"""Who is in the sessions of one user, in plain Python: `ports.Memberships`, and a guest's calls."""

from __future__ import annotations

from parley_core.domain import limits
from parley_core.domain.client_frames import Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Listed, Opened
from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.members import Group, Member, ReplyMode, Role
from parley_testing.edge_model import attached
from parley_testing.session_model import Model, Session


class GroupModel:
    """`by`: who asks, None for a back end."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def members(self, session: SessionId, *, by: UserId | None) -> Group:
        found = self._living(session)
        if by is not None and found.role_of(by, self.model.user) is None:
            raise Refused(ErrorCode.FORBIDDEN, "")
        others = [Member(user, role) for user, role in sorted(found.members.items())]
        return Group((Member(self.model.user, Role.OWNER), *others), found.reply)

    def set_role(
        self, session: SessionId, user: UserId, role: Role | None, *, by: UserId | None
    ) -> None:
        """None: out of the session."""
        owner = self.model.user
        if role is Role.OWNER:
            raise Refused(ErrorCode.FORBIDDEN, "")
        found = self._living(session)
        if user == owner or (by not in {None, owner} and (role is not None or by != user)):
            raise Refused(ErrorCode.FORBIDDEN, "")
        had = found.members.get(user)
        if had == role:
            return
        if had is None and len(found.members) >= limits.MEMBERS:
            raise Refused(ErrorCode.SESSION_LIMIT, "")
        found.has_had_members = True
        found.members.pop(user, None)
        if role is not None:
            found.members[user] = role
        self.model.guest(user).told(session, role)
        self.model.published.append((session, "members", {user: role or ""}))

    def set_reply(self, session: SessionId, mode: ReplyMode, *, by: UserId | None) -> None:
        found = self._living(session)
        if by not in {None, self.model.user}:
            raise Refused(ErrorCode.FORBIDDEN, "")
        found.reply = mode

    def drop(self, session: SessionId, *, by: UserId | None) -> None:
        model, found = self.model, self.model.living(session)
        if found and by not in {None, model.user}:
            raise Refused(ErrorCode.FORBIDDEN, "")
        if found is None and by != model.user:
            return
        for user in found.members if found else ():
            model.guest(user).told(session, None)
        model.sessions.pop(session, None)
        for named in (model.leases, model.ready):
            named.pop(session, None)
        for marked in (model.overdue, model.died, model.resting):
            marked.discard(session)
        if model.roles.pop(session, None) and model.current == session:
            model.current = None
        if found:
            model.published.append((session, "dropped", {}))

    def open(self, user: UserId, session: SessionId, *, position: Position | None) -> Opened:
        """A session of the model's user, opened by another one."""
        found, guest = self.model.living(session), self.model.guest(user)
        role = found.members.get(user) if found else None
        if found is None or role is None:
            guest.told(session, None)
            code = ErrorCode.FORBIDDEN if found else ErrorCode.SESSION_NOT_FOUND
            raise Refused(code, "")
        guest.roles[session], guest.current = role, session
        return Opened(session, existed=True, attachment=attached(found, position), role=role)

    def sessions(self, user: UserId) -> tuple[Listed, ...]:
        """What a guest's list shows; what it has wrong it has no more."""
        guest, rows = self.model.guest(user), []
        current = guest.current
        for session in list(guest.roles):
            found = self.model.living(session)
            role = found.members.get(user) if found else None
            guest.told(session, role)
            if found and role:
                is_current = session == current
                row = Listed(session, role.value, found.topic, found.seq, found.active, is_current)
                rows.append(row)
        return tuple(sorted(rows, key=lambda row: -row.last_active))

    def _living(self, session: SessionId) -> Session:
        found = self.model.living(session)
        if found is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "")
        return found
