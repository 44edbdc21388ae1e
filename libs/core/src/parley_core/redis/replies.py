"""Reading what the scripts reply: raw bytes in, domain values or the store's errors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, StaleToken
from parley_core.domain.events import Attachment, Event, LiveTurn, Top, TurnStatus
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq, TurnId


def text(value: bytes | None) -> str:
    """A reply's string; empty where Redis had none."""
    return value.decode() if value else ""


def accepted(reply: Sequence[Any], *, what: str) -> Sequence[Any]:
    """A script's reply without its status. Raises `Refused` or `StaleToken` as the status says."""
    match reply[0]:
        case b"ok":
            return reply[1:]
        case b"refused":
            code, sentence, *retry_after = reply[1:]
            delay = retry_after[0] if retry_after else 0
            raise Refused(ErrorCode(text(code)), text(sentence), retry_after_ms=delay or None)
        case b"stopped" | b"ended":
            raise Refused(ErrorCode.TURN_ENDED, f"The turn of this {what} has ended.")
        case _:
            raise StaleToken(f"expected the session's current token for {what}, got another")


def event(entry: Sequence[Any]) -> Event:
    """An entry of a session's log as XRANGE gives it; the field order is log.lua's."""
    seq, fields = entry
    return Event(
        seq=Seq(int(seq.partition(b"-")[0])),
        body=fields[1],
        id=MessageId(text(fields[3])),
        type=text(fields[5]),
        origin=ConnectionId(text(fields[7])),
    )


def attachment(reply: Sequence[Any]) -> Attachment:
    """The reply of lib/attachment.lua."""
    epoch, seq, id_, proved, more, entries, turn, attempt, status, live, waiting = reply
    return Attachment(
        top=Top(Epoch(text(epoch)), Seq(int(seq)), MessageId(text(id_))),
        proved=bool(proved),
        events=tuple(event(entry) for entry in entries),
        more=bool(more),
        turn=LiveTurn(TurnId(text(turn)), attempt, TurnStatus(text(status)), text(live))
        if turn
        else None,
        unanswered=waiting,
    )
