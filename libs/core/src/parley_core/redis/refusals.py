"""What an error reply of Redis means: something that passes, a bug, or a way to go."""

from __future__ import annotations

import re

import hiredis
from redis.exceptions import ResponseError

from parley_core.domain.errors import Unavailable

NOTHING = object()
"""What a reader returns when it needs more bytes; None is a reply."""

# Each says something about the server at this moment and nothing about the call:
_PASSING = {
    "LOADING": "it still reads its data",
    "READONLY": "a replica: the primary is elsewhere since a failover",
    "MASTERDOWN": "a replica that lost its primary",
    "CLUSTERDOWN": "slots without a node",
    "TRYAGAIN": "a slot on its way between nodes",
    "MOVED": "another node has the slot",
    "ASK": "another node has the keys already",
    "NOREPLICAS": "fewer replicas than min-replicas-to-write",
    "UNBLOCKED": "a blocked call ended because its node changed its role",
    "BUSY": "another script runs for too long",
    "MISCONF": "it cannot write its disk: refused until an operator mends that",
    "OOM": "memory is full: keys expire, operators act, and the client may keep its message",
}
_FULL = "max number of clients reached"
# Redis 6.2 wraps what a command inside a script was told; 7 passes it on.
_INSIDE = re.compile(rf"^ERR Error running script .*-({'|'.join(_PASSING)}) ", re.DOTALL)


class ErrorReply(Exception):
    """An error as the server sent it; what it is for a caller is judged later."""

    @property
    def text(self) -> str:
        return str(self.args[0])

    @property
    def code(self) -> str:
        """The first word, upper case by custom: NOSCRIPT, MOVED, ERR."""
        return self.text.partition(" ")[0]


class BrokenReply(Exception):
    """Bytes that are not the protocol: the connection is of no more use."""


def new_reader() -> hiredis.Reader:
    """A parser whose `gets` returns bytes, int, list, None, `ErrorReply` or `NOTHING`.

    It raises `BrokenReply`.
    """
    return hiredis.Reader(protocolError=BrokenReply, replyError=ErrorReply, notEnoughData=NOTHING)


def passes(reply: ErrorReply) -> bool:
    """Whether the same call may succeed later."""
    inside = _INSIDE.match(reply.text)
    return bool(inside) or reply.code in _PASSING or _FULL in reply.text


def judged(reply: ErrorReply, *, node: object) -> Unavailable | ResponseError:
    """What a caller gets for `reply`, which came from `node`."""
    if passes(reply):
        return Unavailable(f"Redis at {node} refused for now: {reply.text}")
    return ResponseError(reply.text)
