"""How a session and a position in it are named in the scripts."""

from __future__ import annotations

from parley_core.domain.client_frames import Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import Partition, SessionId, session_partition
from parley_core.redis.keys import SessionKeys
from parley_core.redis.wire import Argument


def partition_named(session: SessionId) -> Partition:
    """Raises `Refused` (SESSION_NOT_FOUND) if the id names none."""
    partition = session_partition(session)
    if partition is None:
        raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
    return partition


def session_keys(names: SessionKeys) -> list[str]:
    """KEYS 1-10 of every script that touches a whole session."""
    own = [names.meta, names.log, names.ids, names.mail, names.live, names.seen]
    return own + list(names.checkpoints)


def position_arguments(position: Position | None) -> tuple[Argument, Argument, Argument]:
    """Epoch, seq and id, as the scripts take them; nothing for a reader that has nothing."""
    if position is None:
        return "", "", ""
    return position.epoch, position.seq, position.id or ""
