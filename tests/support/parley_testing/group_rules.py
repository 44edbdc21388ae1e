"""Members beside the model: rules for a state machine that has `twins`."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from parley_core.domain.client_frames import Strategy
from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import ConnectionId, MessageId, UserId
from parley_core.domain.members import ReplyMode, Role
from parley_testing.group_model import GroupModel
from parley_testing.session_draws import NOWHERE, Draw, a_position, a_session
from parley_testing.session_store import ANN, PHONE
from parley_testing.session_twins import BOB, SessionTwins

CARL = UserId("carl")
ROLES = (*[Role.MEMBER, Role.VIEWER, None] * 2, Role.OWNER)


class GroupRules:
    """The calls of `ports.Memberships`, and what members do."""

    twins: SessionTwins

    @rule(
        draw=st.data(),
        user=st.sampled_from([BOB, BOB, CARL, ANN]),
        role=st.sampled_from(ROLES),
        by=st.sampled_from([ANN, ANN, None, BOB]),
    )
    def change_a_role(self, draw: Draw, user: UserId, role: Role | None, by: UserId | None) -> None:
        session = draw.draw(st.sampled_from([*self.twins.model.sessions] * 3 + [NOWHERE]))
        model, real = GroupModel(self.twins.model), self.twins.store.memberships
        self.twins.same(
            lambda: model.set_role(session, user, role, by=by),
            lambda: (
                real.set_role(session, user, role=role, by=by)
                if role
                else real.remove(session, user, by=by)
            ),
        )
        self.twins.same(lambda: model.members(session, by=by), lambda: real.members(session, by=by))

    @rule(
        draw=st.data(), mode=st.sampled_from(ReplyMode), by=st.sampled_from([ANN, ANN, None, BOB])
    )
    def change_when_the_agent_answers(self, draw: Draw, mode: ReplyMode, by: UserId | None) -> None:
        session = a_session(draw, self.twins.model)
        self.twins.same(
            lambda: GroupModel(self.twins.model).set_reply(session, mode, by=by),
            lambda: self.twins.store.memberships.set_reply(session, mode, by=by),
        )

    @rule(draw=st.data())
    def a_guest_opens(self, draw: Draw) -> None:
        session = draw.draw(st.sampled_from([*self.twins.model.sessions, NOWHERE]))
        found = self.twins.model.living(session)
        self.twins.open_as_guest(session, a_position(draw, found), tab=ConnectionId("tab-3"))

    @rule(
        draw=st.data(),
        mode=st.sampled_from([ReplyMode.MENTIONED, ReplyMode.MENTIONED, ReplyMode.NEVER]),
        calls=st.lists(st.booleans(), min_size=1, max_size=5),
    )
    def people_talk(self, draw: Draw, mode: ReplyMode, calls: list[bool]) -> None:
        """To each other, and now and then to the agent."""
        session, twins = a_session(draw, self.twins.model), self.twins
        group, memberships = GroupModel(twins.model), twins.store.memberships
        twins.same(
            lambda: group.set_role(session, BOB, Role.MEMBER, by=None),
            lambda: memberships.set_role(session, BOB, role=Role.MEMBER, by=None),
        )
        twins.same(
            lambda: group.set_reply(session, mode, by=None),
            lambda: memberships.set_reply(session, mode, by=None),
        )
        for calls_agent in calls:
            message = draw.draw(st.integers(1, 9).map(lambda number: MessageId(f"m {number}")))
            content = "@agent?" if calls_agent else "psst"
            strategy = draw.draw(st.sampled_from([*[Strategy.ENQUEUE] * 3, *Strategy]))
            value = draw.draw(st.sampled_from([b"", b'"x"']))
            mail = Mail(MailKind.TEXT, message, BOB, PHONE, content, strategy=strategy)
            twins.append(session, mail, value=value)

    @rule()
    def a_guest_lists(self) -> None:
        self.twins.same(
            lambda: GroupModel(self.twins.model).sessions(BOB),
            lambda: self.twins.store.conversations.sessions(BOB),
        )

    @rule(draw=st.data(), by=st.sampled_from([ANN, None, BOB]))
    def drop(self, draw: Draw, by: UserId | None) -> None:
        # Once in a while: what is gone cannot be looked at.
        if draw.draw(st.integers(0, 3)) == 0:
            self.twins.drop(a_session(draw, self.twins.model), by=by)
