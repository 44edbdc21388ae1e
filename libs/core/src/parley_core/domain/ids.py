"""Identifiers, and which partition of Redis a name lives in."""

from __future__ import annotations

from typing import NewType
from zlib import crc32

UserId = NewType("UserId", str)
DeviceId = NewType("DeviceId", str)
ConnectionId = NewType("ConnectionId", str)
SessionId = NewType("SessionId", str)
MessageId = NewType("MessageId", str)
TurnId = NewType("TurnId", str)
ProcessId = NewType("ProcessId", str)
"""`SERVER_ID/boot`: one start of one service."""
Epoch = NewType("Epoch", str)
Seq = NewType("Seq", int)
Token = NewType("Token", str)
"""`fence:process:nonce`; proves a lease and is compared for equality only."""
Partition = NewType("Partition", int)

PARTITIONS = 64
"""Groups of keys that share a Cluster hash tag; written to Redis by whoever starts first."""


def partition_of(owner: str) -> Partition:
    """The partition of everything that belongs to a user."""
    return Partition(crc32(owner.encode()) % PARTITIONS)


def tag_of(partition: Partition) -> str:
    """Two lower-case hex digits: the hash tag, and the first two characters of a session's id."""
    return f"{partition:02x}"


_TAG = 2
"""Characters of a tag."""
_PARTITION_OF_TAG = {tag_of(Partition(number)): Partition(number) for number in range(PARTITIONS)}


def new_session_id(owner: UserId, *, nonce: str) -> SessionId:
    """A session's id: its owner's partition, then `nonce` (lower-case hex, unique)."""
    return SessionId(tag_of(partition_of(owner)) + nonce)


def session_partition(session: str) -> Partition | None:
    """The partition that a session's id names; None if the id names none."""
    return _PARTITION_OF_TAG.get(session[:2]) if len(session) > _TAG else None


def process_id(server_id: str, *, boot: str) -> ProcessId:
    """One start of the service called `server_id`."""
    return ProcessId(f"{server_id}/{boot}")


def server_of(process: ProcessId) -> str:
    """`SERVER_ID` without the boot: what the wire shows."""
    return process.rpartition("/")[0]
