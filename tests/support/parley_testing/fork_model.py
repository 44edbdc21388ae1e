"""Looking back into sessions and forking them, in plain Python: `RedisBranches` of one user."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import structs

from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Forked, Mark
from parley_core.domain.ids import ConnectionId, Epoch, Seq, SessionId
from parley_testing.edge_model import list_session
from parley_testing.session_model import Logged, Model, Session


class ForkModel:
    """The calls of `RedisBranches` that depend on sessions."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def marks(self, session: SessionId, *, at: Seq | None) -> tuple[Mark, ...]:
        found = self.model.sessions.get(session)
        log = found.log if found else []
        return tuple(
            Mark(logged.event.seq, logged.checkpoint)
            for logged in reversed(log)
            if logged.checkpoint and (at is None or logged.event.seq <= at)
        )

    def fork(
        self, session: SessionId, *, mark: Mark, to: SessionId, made: str, request: str
    ) -> Forked | None:
        """`made`: the nonce of the copy's epoch."""
        model, source = self.model, self.model.living(session)
        if source is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "")
        if (session, request) in model.forks:
            return model.forks[session, request]
        if mark not in self.marks(session, at=mark.seq):
            return None
        list_session(model, to)
        model.sessions[to] = self._copied(source, mark, to, made)
        model.forks[session, request] = Forked(to, mark.seq)
        return model.forks[session, request]

    def _copied(self, source: Session, mark: Mark, to: SessionId, made: str) -> Session:
        log = [_renamed(logged, to) for logged in source.log if logged.event.seq <= mark.seq]
        return Session(
            to,
            Epoch(made),
            ConnectionId(""),
            active=self.model.next_tick(),
            seq=mark.seq,
            top=log[-1].event.id,
            floor=source.floor,
            floor_id=source.floor_id,
            topic=_topic(source, mark.seq),
            reply=source.reply,
            aside=source.aside,
            log=log,
            ids={id: seq for id, seq in source.ids.items() if seq <= mark.seq},
        )


def _renamed(logged: Logged, session: SessionId) -> Logged:
    frame: dict[str, Any] = msgspec.json.decode(logged.event.body)
    body = msgspec.json.encode(frame | {"session_id": session})
    return replace(logged, event=structs.replace(logged.event, body=body))


def _topic(source: Session, last: Seq) -> str:
    switches = [logged.event for logged in source.log if logged.event.type == "system"]
    before = [event for event in switches if event.seq <= last]
    if before:
        return str(msgspec.json.decode(before[-1].body)["topic"])
    return "" if switches else source.topic
