"""Sessions as a worker sees them, on Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from parley_core.domain import limits, server_frames
from parley_core.domain.errors import Barred, StaleToken
from parley_core.domain.events import (
    Asked,
    Begun,
    Inbox,
    Lease,
    Mail,
    OpenTurn,
    Stop,
    TurnStatus,
)
from parley_core.domain.ids import (
    Epoch,
    MessageId,
    Partition,
    ProcessId,
    Seq,
    SessionId,
    Token,
    TurnId,
    UserId,
    session_partition,
)
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys, PartitionKeys
from parley_core.redis.naming import session_keys
from parley_core.redis.scripts import script

LEASE_MS = 5_000
"""Life of a lease without renewal."""
SILENCE_MS = 3_000
"""Longer than workers ever leave a partition unswept: then Redis was away, not a lease's holder."""
CLAIM_MS = 60_000
"""How long a claim can be repeated: what it got has expired by then, if nobody began with it."""
REST_MS = 250
"""How long a session rests after its first counted attempt; twice that after the second."""

_mail_decoder = msgspec.json.Decoder(Mail)
_answers_decoder = msgspec.json.Decoder(dict[str, str])


class RedisWork:
    """Implements `ports.Work`."""

    def __init__(
        self, client: RedisClient, keys: Keys, *, process: ProcessId, kept: int = 1_000
    ) -> None:
        self._client = client
        self._keys = keys
        self._process = process
        self._kept = kept

    async def claim(self, *, room: int, partition: int, nonce: str) -> tuple[Lease, ...]:
        shared = self._keys.partition(Partition(partition))
        reply = await self._client.script(
            script("claim"),
            [
                *(shared.ready, shared.leased, shared.leases, shared.fence, shared.sweep),
                *(shared.barred, self._keys.claim(self._process, partition=Partition(partition))),
            ],
            [self._process, nonce, room, LEASE_MS, SILENCE_MS, CLAIM_MS],
        )
        if reply[0] == b"barred":
            raise Barred(f"This process may not claim sessions for another {reply[1]} ms.")
        return tuple(
            Lease(SessionId(replies.text(session)), Token(replies.text(token)))
            for session, token in zip(reply[1::2], reply[2::2], strict=True)
        )

    async def inbox(self, lease: Lease) -> Inbox:
        names, shared = self._keys.session(lease.session), self._shared(lease)
        reply = await self._client.script(
            script("inbox"),
            [names.meta, names.mail, shared.leases, names.live],
            [lease.session, lease.token],
        )
        head, owner, topic, epoch, created, *turn, members = replies.accepted(reply, what="inbox")
        name, _, mail = (head or b"").partition(b"\n")
        return Inbox(
            head=TurnId(name.decode()) if head else None,
            mail=_mail_decoder.decode(mail) if head else None,
            turn=_open_turn(turn),
            owner=UserId(replies.text(owner)),
            topic=replies.text(topic),
            epoch=Epoch(replies.text(epoch)),
            created=created,
            members=members,
        )

    async def renew(self, lease: Lease) -> Stop | None:
        shared = self._shared(lease)
        reply = await self._client.script(
            script("renew"),
            [self._keys.session(lease.session).meta, shared.leases, shared.leased],
            [lease.session, lease.token, LEASE_MS],
        )
        return _stop(replies.accepted(reply, what="renew")[0])

    async def release(self, lease: Lease, *, counted: bool) -> None:
        names, shared = self._keys.session(lease.session), self._shared(lease)
        reply = await self._client.script(
            script("release"),
            [names.meta, names.mail, shared.leases, shared.leased, shared.ready],
            [
                *(lease.session, lease.token, int(counted), REST_MS),
                *(self._keys.wake, _partition(lease)),
            ],
        )
        replies.accepted(reply, what="release")

    async def begin(
        self, lease: Lease, *, turn: TurnId, base: str, checkpoint: str, nonce: str
    ) -> Begun:
        names, shared = self._keys.session(lease.session), self._shared(lease)
        reply = await self._client.script(
            script("begin"),
            [names.meta, names.live, shared.leases, shared.fence],
            [
                *(lease.session, lease.token, self._process, turn, base, len(base), checkpoint),
                *(nonce, limits.COUNTED_ATTEMPTS, self._client.publish_verb, names.channel),
            ],
        )
        token, attempt, exhausted, stop = replies.accepted(reply, what="begin")
        return Begun(Token(replies.text(token)), attempt, bool(exhausted), _stop(stop))

    async def delta(
        self, lease: Lease, *, turn: TurnId, attempt: int, offset: int, text: str
    ) -> Stop | None:
        names = self._keys.session(lease.session)
        frame = server_frames.Delta(turn_id=turn, attempt=attempt, offset=offset, text=text)
        reply = await self._client.script(
            script("delta"),
            [names.meta, names.live, self._shared(lease).leases],
            [
                *(lease.session, lease.token, turn, attempt, offset, len(text), text),
                *(server_frames.encode(frame), self._client.publish_verb, names.channel),
            ],
        )
        if reply[0] == b"hole":
            raise ValueError(f"expected a delta at offset {reply[1]}, got one at {offset}")
        return _stop(replies.accepted(reply, what="delta")[0])

    async def say(self, lease: Lease, *, type: str, frame: bytes) -> Stop | None:
        names = self._keys.session(lease.session)
        reply = await self._client.script(
            script("say"),
            [names.meta, self._shared(lease).leases],
            [lease.session, lease.token, type, frame, self._client.publish_verb, names.channel],
        )
        return _stop(replies.accepted(reply, what="say")[0])

    async def commit(
        self,
        lease: Lease,
        *,
        turn: TurnId,
        answer: MessageId,
        type: str,
        frame: bytes,
        status: TurnStatus,
        checkpoint: str,
        topic: str | None = None,
        release: bool = False,
    ) -> Seq:
        name = "commit" if status is TurnStatus.DONE else "close"
        end: list[str | int | bytes] = [turn, answer, type, frame, status, checkpoint, int(release)]
        return await self._finish(name, lease, end, topic=topic)

    async def wait(self, lease: Lease, *, turn: TurnId, asked: Asked, checkpoint: str) -> Seq:
        kind, status = "input_request", TurnStatus.WAITING
        end: list[str | int | bytes] = [turn, asked.id, kind, asked.frame, status, checkpoint, 1]
        return await self._finish("wait", lease, end, msgspec.json.encode(asked.interrupts))

    async def clear(self, lease: Lease, *, turn: TurnId, nonce: str) -> None:
        names = self._keys.session(lease.session)
        reply = await self._client.script(
            script("clear"),
            [*session_keys(names), self._shared(lease).leases],
            [
                *(lease.session, lease.token, turn, nonce),
                *(self._client.publish_verb, names.channel),
            ],
        )
        replies.accepted(reply, what="clear")

    async def _finish(
        self,
        name: str,
        lease: Lease,
        end: list[str | int | bytes],
        *more: bytes,
        topic: str | None = None,
    ) -> Seq:
        names, shared = self._keys.session(lease.session), self._shared(lease)
        reply = await self._client.script(
            script(name),
            [*session_keys(names), shared.leases, shared.leased, shared.ready],
            [
                *(lease.session, lease.token, *end),
                *(self._kept, self._client.publish_verb, names.channel, self._keys.wake),
                *(_partition(lease), int(topic is not None), topic or ""),
                *more,
            ],
        )
        return Seq(replies.accepted(reply, what=name)[0])

    def _shared(self, lease: Lease) -> PartitionKeys:
        return self._keys.partition(_partition(lease))


def _partition(lease: Lease) -> Partition:
    partition = session_partition(lease.session)
    if partition is None:
        raise StaleToken(f"no partition is named by session {lease.session!r}")
    return partition


def _open_turn(fields: Sequence[Any]) -> OpenTurn | None:
    turn, attempt, counted, status, stop, base, answers, text = fields
    if not turn:
        return None
    return OpenTurn(
        turn_id=TurnId(replies.text(turn)),
        attempt=attempt,
        counted=counted,
        status=TurnStatus(replies.text(status)),
        stop=_stop(stop),
        base=replies.text(base),
        answers=_answers_decoder.decode(answers) if answers else {},
        text=replies.text(text),
    )


def _stop(value: bytes) -> Stop | None:
    return Stop(replies.text(value)) if value else None
