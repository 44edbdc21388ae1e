"""Notices beside the model: what `RedisAnnouncements` should do, and rules for a state machine."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from parley_core.domain import limits
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Accepted
from parley_core.domain.ids import MessageId, Seq, SessionId
from parley_core.domain.live import NOTICE
from parley_testing.session_draws import Draw, a_session
from parley_testing.session_model import Frame, Model, remember
from parley_testing.session_store import text_frame
from parley_testing.session_twins import SessionTwins


def noticed(model: Model, session: SessionId, message_id: MessageId, *, frame: bytes) -> Accepted:
    """`ports.Announcements.post`."""
    found = model.living(session)
    if found is None:
        raise Refused(ErrorCode.SESSION_NOT_FOUND, "")
    if message_id in found.ids:
        return Accepted(found.ids[message_id], found.epoch, repeated=True)
    if model.noticed.get(session, 0) >= limits.NOTICES:
        raise Refused(ErrorCode.RATE_LIMITED, "")
    seq = Seq(found.seq + 1)
    model.log(found, Frame(message_id, "text", frame), origin=NOTICE)
    model.noticed[session] = model.noticed.get(session, 0) + 1
    remember(found, message_id, seq)
    return Accepted(seq, found.epoch, repeated=False)


class NoticeRules:
    """What a back end says in a session that is no input."""

    twins: SessionTwins

    @rule(draw=st.data(), message=st.integers(1, 9).map(lambda number: MessageId(f"m {number}")))
    def a_back_end_gives_notice(self, draw: Draw, message: MessageId) -> None:
        session = a_session(draw, self.twins.model)
        frame = text_frame(session, message, "mind", role="system")
        self.twins.same(
            lambda: noticed(self.twins.model, session, message, frame=frame),
            lambda: self.twins.store.announcements.post(session, message, frame=frame),
        )

    @precondition(lambda self: self.twins.model.noticed)
    @rule()
    def time_passes_for_notices(self) -> None:
        model, store = self.twins.model, self.twins.store
        for session in model.noticed:
            self.twins.run(store.run("DEL", store.keys.notices(session)))
        model.noticed.clear()
