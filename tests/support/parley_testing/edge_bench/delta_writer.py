"""Writes answers into many sessions at once through a worker's own adapter, without an agent.

`python -m ...delta_writer REDIS_URL TURNS RATE SECONDS`: claims that many sessions that have work,
begins their turns, says `ready`, and at a line on its input writes `RATE` deltas a second into
each. At the end it commits what it wrote, and says what it did as one line of JSON.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle

import msgspec
import uvloop

from parley_core.domain.events import Lease, TurnStatus
from parley_core.domain.ids import PARTITIONS, MessageId, TurnId, process_id
from parley_core.domain.server_frames import Text, encode_open
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.work import RedisWork
from parley_testing.edge_bench.latencies import stamp
from parley_testing.edge_bench.pace import at_rate, repeated

_RENEW_EACH = 1.5
_CLAIM_WITHIN = 20.0


class Written(msgspec.Struct, frozen=True):
    """What a run of the writer did. `rate`: deltas a second in all; `cpu`: its own, in seconds.

    `late`: pieces that went with the one after them, because the one before was not answered yet.
    """

    deltas: int
    late: int
    rate: float
    cpu: float


@dataclass(slots=True)
class Answer:
    """One turn that is being written."""

    lease: Lease
    turn: TurnId
    attempt: int
    sent: list[str] = field(default_factory=list)
    length: int = 0
    waiting: str = ""
    is_under_way: bool = False
    """A delta was not answered yet: as a worker does, the next one waits for that."""


class Writer:
    """All turns."""

    def __init__(self, work: RedisWork) -> None:
        self._work = work
        self._answers: list[Answer] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._late = 0

    async def begin(self, turns: int) -> None:
        """Raises TimeoutError if there is not so much work."""
        async with asyncio.timeout(_CLAIM_WITHIN):
            while len(self._answers) < turns:
                for partition in range(PARTITIONS):
                    room, nonce = turns - len(self._answers), secrets.token_hex(8)
                    if room:
                        leases = await self._work.claim(room=room, partition=partition, nonce=nonce)
                        self._answers += await asyncio.gather(*map(self._begin, leases))

    async def _begin(self, lease: Lease) -> Answer:
        inbox = await self._work.inbox(lease)
        if inbox.head is None:
            raise ValueError(f"session {lease.session} was ready without mail")
        begun = await self._work.begin(
            lease, turn=inbox.head, base="", checkpoint="", nonce=secrets.token_hex(8)
        )
        return Answer(Lease(lease.session, begun.token), inbox.head, begun.attempt)

    async def write(self, rate: float, *, seconds: float) -> Written:
        """`rate`: deltas a second of each turn."""
        turns, cpu = cycle(self._answers), time.process_time()
        total = rate * len(self._answers)
        began = time.perf_counter()
        async with repeated(self._renew, each=_RENEW_EACH):
            await at_rate(total, seconds=seconds, act=lambda: self._write(next(turns)))
            while self._calls:
                await asyncio.wait(self._calls)
        deltas = sum(len(answer.sent) for answer in self._answers)
        kept = deltas / (time.perf_counter() - began)
        return Written(deltas, self._late, kept, time.process_time() - cpu)

    def _write(self, answer: Answer) -> None:
        answer.waiting += f"{stamp().decode()} "
        if answer.is_under_way:
            self._late += 1
        else:
            self._send_soon(answer)

    def _send_soon(self, answer: Answer) -> None:
        answer.is_under_way = True
        piece, answer.waiting = answer.waiting, ""
        task = asyncio.ensure_future(self._send(answer, piece))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _send(self, answer: Answer, piece: str) -> None:
        """Raises `Unavailable`, `StaleToken`: then there is nothing to measure."""
        await self._work.delta(
            answer.lease,
            turn=answer.turn,
            attempt=answer.attempt,
            offset=answer.length,
            text=piece,
        )
        answer.sent.append(piece)
        answer.length += len(piece)
        answer.is_under_way = False

    async def commit(self) -> None:
        """End all turns with what was written."""
        await asyncio.gather(*map(self._commit, self._answers))

    async def _commit(self, answer: Answer) -> None:
        name = MessageId(secrets.token_hex(8))
        frame = Text(
            message_id=name,
            session_id=answer.lease.session,
            role="assistant",
            content="".join(answer.sent),
            turn_id=answer.turn,
            finish="stop",
        )
        await self._work.commit(
            answer.lease,
            turn=answer.turn,
            answer=name,
            type="text",
            frame=encode_open(frame),
            status=TurnStatus.DONE,
            checkpoint="",
            release=True,
        )

    async def _renew(self) -> None:
        await asyncio.gather(*(self._work.renew(answer.lease) for answer in self._answers))


async def _run(url: str, turns: int, rate: float, seconds: float) -> None:
    client = RedisClient(url, name="writer")
    await client.start()
    writer = Writer(RedisWork(client, Keys(), process=process_id("writer", boot="0")))
    await writer.begin(turns)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    written = await writer.write(rate, seconds=seconds)
    await writer.commit()
    print(msgspec.json.encode(written).decode(), flush=True)
    await client.aclose()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
