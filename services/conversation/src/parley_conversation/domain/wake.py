"""What the wake channel says."""

from __future__ import annotations

from typing import NamedTuple

from parley_core.domain.ids import PARTITIONS, Partition, SessionId, TurnId


class Work(NamedTuple):
    """Sessions of a partition may have become ready."""

    partition: Partition


class Stop(NamedTuple):
    """A turn should stop; its session says why."""

    session: SessionId
    turn: TurnId


def parse(payload: bytes) -> Work | Stop | None:
    """The hint in `payload`; None if it is none of ours, which a newer release may send."""
    verb, _, rest = payload.decode(errors="replace").partition(" ")
    if verb == "stop":
        session, _, turn = rest.partition(" ")
        return Stop(SessionId(session), TurnId(turn)) if turn else None
    if rest or not (verb.isascii() and verb.isdigit()) or int(verb) >= PARTITIONS:
        return None
    return Work(Partition(int(verb)))
