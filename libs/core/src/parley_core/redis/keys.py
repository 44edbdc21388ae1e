"""Every name in Redis, in one place. `storage.md`'s table is the contract."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from parley_core.domain.ids import (
    PARTITIONS,
    Partition,
    SessionId,
    UserId,
    partition_of,
    session_partition,
    tag_of,
)


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of one session, which share its owner's hash tag."""

    log: str
    meta: str
    ids: str
    mail: str
    live: str
    seen: str
    channel: str
    checkpoints: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class PartitionKeys:
    """The keys that distribute a partition's work, who is leaving, and what is owed."""

    ready: str
    leased: str
    leases: str
    fence: str
    sweep: str
    barred: str
    leaving: str
    owed: str
    """What users' lists in other partitions have not been told of this partition's sessions."""


class Keys:
    """Names under one prefix, so that installations and tests may share a server."""

    def __init__(self, prefix: str = "parley") -> None:
        self.prefix = prefix
        self.config = f"{prefix}:config"
        self.processes = f"{prefix}:processes"
        self.process_info = f"{prefix}:processes:info"
        self.presence = f"{prefix}:presence"
        self.wake = f"{prefix}:wake"
        self.broadcast = f"{prefix}:broadcast"
        self._prefixes = [
            f"{prefix}:{{{tag_of(Partition(number))}}}" for number in range(PARTITIONS)
        ]

    def tagged(self, partition: Partition) -> str:
        """The prefix of all keys of a partition."""
        return self._prefixes[partition]

    def session(self, session: SessionId) -> SessionKeys:
        """Raises ValueError if the id names no partition."""
        return _session_keys(self._tagged_as(session), session)

    def partition(self, partition: Partition) -> PartitionKeys:
        return _partition_keys(self.tagged(partition))

    def partitions(self) -> tuple[PartitionKeys, ...]:
        """All of them, in order."""
        return tuple(self.partition(Partition(number)) for number in range(PARTITIONS))

    def user(self, user: UserId) -> str:
        return f"{self.tagged(partition_of(user))}:user:{user}"

    def online(self, user: UserId) -> str:
        return f"{self.tagged(partition_of(user))}:online:{user}"

    def watch(self, user: UserId) -> str:
        return f"{self.tagged(partition_of(user))}:watch:{user}"

    def watched(self, channel: str) -> UserId | None:
        """Whose `watch` a channel is; None if it is another one."""
        user = channel.removeprefix(f"{self.prefix}:").partition("}:watch:")[2]
        return UserId(user) if user else None

    def rate(self, user: UserId, action: str, *, partition: Partition) -> str:
        """A rate bucket. It lives where the session is: a member's limits count per partition."""
        return f"{self.tagged(partition)}:rate:{user}:{action}"

    def notices(self, session: SessionId) -> str:
        """A session's bucket of notices. Raises ValueError if the id names no partition."""
        return f"{self._tagged_as(session)}:rate:{session}:notice"

    def claim(self, process: str, *, partition: Partition) -> str:
        """What a process's last claim got, for its repeat."""
        return f"{self.tagged(partition)}:claim:{process}"

    def fork(self, session: SessionId, request: str) -> str:
        """What a fork of the session came to, for its repeat; `request` tells forks apart.

        Raises ValueError if the id names no partition.
        """
        return f"{self._tagged_as(session)}:fork:{session}:{request}"

    def connections(self, process: str, *, partition: Partition) -> str:
        """The connections that a process holds of a partition's users."""
        return f"{self.tagged(partition)}:conns:{process}"

    def _tagged_as(self, session: SessionId) -> str:
        partition = session_partition(session)
        if partition is None:
            raise ValueError(
                f"expected a session id that begins with two hex digits, got {session!r}"
            )
        return self.tagged(partition)


@lru_cache(maxsize=1024)  # One message asks several times, and the next one comes soon.
def _session_keys(tagged: str, session: SessionId) -> SessionKeys:
    checkpoint = f"{tagged}:ckpt:{session}"
    return SessionKeys(
        log=f"{tagged}:log:{session}",
        meta=f"{tagged}:meta:{session}",
        ids=f"{tagged}:ids:{session}",
        mail=f"{tagged}:mail:{session}",
        live=f"{tagged}:live:{session}",
        seen=f"{tagged}:seen:{session}",
        channel=f"{tagged}:to:{session}",
        checkpoints=(
            f"{checkpoint}:index",
            f"{checkpoint}:data",
            f"{checkpoint}:writes",
            f"{checkpoint}:blobs",
        ),
    )


@lru_cache(maxsize=256)
def _partition_keys(tagged: str) -> PartitionKeys:
    return PartitionKeys(
        ready=f"{tagged}:ready",
        leased=f"{tagged}:leased",
        leases=f"{tagged}:leases",
        fence=f"{tagged}:fence",
        sweep=f"{tagged}:sweep",
        barred=f"{tagged}:barred",
        leaving=f"{tagged}:leaving",
        owed=f"{tagged}:owed",
    )
