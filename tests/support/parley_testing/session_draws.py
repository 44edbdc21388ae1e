"""What a call of the session store may name: mostly what is there, sometimes what is not."""

from __future__ import annotations

from hypothesis import strategies as st

from parley_core.domain.client_frames import Position
from parley_core.domain.events import Lease
from parley_core.domain.ids import MessageId, Seq, SessionId, TurnId
from parley_testing.session_model import Model, Session
from parley_testing.session_store import STRANGER

Draw = st.DataObject

NOWHERE = SessionId("33deadbeef")
NONSENSE = SessionId("zz")


def a_session(draw: Draw, model: Model) -> SessionId:
    return draw.draw(st.sampled_from([*model.sessions] or [NOWHERE]))


def a_lease(draw: Draw, model: Model) -> Lease:
    held = [Lease(*item) for item in model.leases.items()]
    old = [lease for _, claimed in model.claims.values() for lease in claimed]
    return draw.draw(st.sampled_from([*held * 3, *old, Lease(NOWHERE, STRANGER)]))


def a_turn(draw: Draw, found: Session | None) -> TurnId:
    head = found.head if found else None
    opened = found.turn.id if found and found.turn else None
    known = [turn for turn in (head, opened) if turn]
    return draw.draw(st.sampled_from(known * 5 + [TurnId("m 1")]))


def a_position(draw: Draw, found: Session | None) -> Position | None:
    if found is None:
        return None
    seq = Seq(draw.draw(st.integers(0, found.seq + 1)))
    known = {found.floor: found.floor_id} | {e.event.seq: e.event.id for e in found.log}
    true_id = known.get(seq, MessageId("m 1"))
    id_ = draw.draw(st.sampled_from([true_id, true_id, true_id, None, "m 2", found.top]))
    epoch = draw.draw(st.sampled_from([found.epoch, found.epoch, found.epoch, "1-a"]))
    return draw.draw(st.sampled_from([Position(epoch, seq, id_ or None), None]))
