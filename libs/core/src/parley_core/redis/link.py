"""One connection to one node of Redis, shared by all calls of a process.

Calls of one tick of the event loop leave in one write, and many such batches may be in flight;
replies are matched in order. A call is written once: whatever may have been executed is never sent
again by this module. When the connection breaks or falls silent, every call that was written fails
with `Unavailable`, and the next call connects anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.call import Call
from parley_core.redis.refusals import ErrorReply
from parley_core.redis.wire import Access, Address, Wire, open_wire

_log = structlog.get_logger(__name__)

_LOOKS = 4
"""How often the oldest call is looked at within the limit; see `Link._look`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection; times in seconds."""

    answer: float = 2.0
    """The oldest unanswered call may be this old (at most a quarter more)."""
    connect: float = 2.0
    """Connecting, greeting and loading the scripts may take this long."""
    in_flight: int = 10_000
    """Calls without a reply; more fail with `Unavailable` at once."""
    first_pause: float = 0.05
    """After a failed connect, calls fail at once for this long; it doubles with each failure."""
    longest_pause: float = 1.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Way:
    """How to talk to any node."""

    access: Access
    preload: tuple[bytes, ...] = ()
    """Commands that a connection begins with: SCRIPT LOAD for each script."""
    limits: Limits = LIMITS


class Link:
    """Calls to one node.

    `refused` gets each error reply but NOSCRIPT, with the call, and settles it: nothing was
    executed when Redis sends MOVED, ASK or TRYAGAIN. `lost` is told when a connection ended.
    `locate`, if there is one, is asked before each connect where the node is by now.
    """

    def __init__(
        self,
        address: Address,
        way: Way,
        *,
        refused: Callable[[Link, Call, ErrorReply], None],
        lost: Callable[[Link], None] = lambda _: None,
        locate: Callable[[], Awaitable[Address]] | None = None,
    ) -> None:
        self.address = address
        self.limits = way.limits
        self.is_down = False
        """Known to be away: its connection broke, or the last try to connect failed."""
        self._way = way
        self._refused = refused
        self._tell_lost = lost
        self._locate = locate
        self._loop = asyncio.get_running_loop()
        self._queue: list[Call] = []
        self._sent: deque[Call] = deque()
        self._wire: Wire | None = None
        self._opening: asyncio.Task[None] | None = None
        self._failures = 0
        self._shut_until = 0.0
        self._closed = False
        self._looking: asyncio.TimerHandle | None = None
        self._oldest: Call | None = None
        self._looks = 0

    @property
    def in_flight(self) -> int:
        """Calls that wait for a reply or for the connection."""
        return len(self._queue) + len(self._sent)

    def send(self, *calls: Call) -> None:
        """Send in this order, at the end of this tick, with nothing in between."""
        queue = self._queue
        if len(queue) + len(self._sent) + len(calls) > self.limits.in_flight or self._is_full():
            self._fail(calls, f"Too many calls wait for Redis at {self.address}")
            return
        if not queue:
            self._loop.call_soon(self._flush)
        queue.extend(calls)

    async def open(self) -> None:
        """Connect now. Raises `Unavailable`, `PermanentError`."""
        if self._wire is None:
            await asyncio.shield(self._open_soon())

    async def aclose(self) -> None:
        """What is unanswered fails with `Unavailable`."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        self._closed = True
        self._drop("was left by us")
        self._fail_queue(f"Redis at {self.address} was left by us")

    def drop(self, reason: str) -> None:
        """Close the connection; the next call makes another."""
        self._lose(reason)

    def _is_full(self) -> bool:
        return self._wire is not None and self._wire.full

    def _flush(self) -> None:
        if self._wire is None:
            self._reach()
            return
        # A caller that went before its call was written takes it along.
        ready = [call for call in self._queue if not call.done()]
        self._queue.clear()
        if not ready:
            return
        self._sent.extend(ready)
        self._wire.write(b"".join([call.packed for call in ready]))
        if self._looking is None:
            self._look_later()

    def _reach(self) -> None:
        """No connection: make one for what is queued, unless the last try just failed."""
        left = self._shut_until - self._loop.time()
        if self._closed:
            self._fail_queue(f"Redis at {self.address} was left by us")
        elif left > 0 and self._opening is None:
            self._fail_queue(f"Redis at {self.address} cannot be reached", delay=left)
        elif self._queue:
            self._open_soon()

    def _open_soon(self) -> asyncio.Task[None]:
        if self._opening is None:
            self._opening = self._loop.create_task(self._open(), name=f"connect {self.address}")
            # Most opens have no other to hear of their end than the calls in the queue.
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._opening

    async def _open(self) -> None:
        try:
            if self._locate is not None:
                self.address = await self._locate()
            wire = await open_wire(
                self.address,
                self._way.access,
                preload=self._way.preload,
                within=self.limits.connect,
            )
        except (Unavailable, PermanentError) as error:
            self._put_off(str(error))
            raise
        finally:
            self._opening = None
        if self.is_down:
            _log.info("redis_back", node=str(self.address))
        self._failures = 0
        self.is_down = False
        wire.on_reply, wire.on_lost = self._settle, self._lose
        self._wire = wire
        self._flush()

    def _put_off(self, reason: str) -> None:
        limits = self.limits
        pause = min(limits.longest_pause, limits.first_pause * 2.0 ** min(self._failures, 16))
        self._failures += 1
        self._is_away(reason)
        self._shut_until = self._loop.time() + pause
        self._fail_queue(reason, delay=pause)
        self._tell_lost(self)

    def _settle(self, reply: Any) -> None:
        call = self._sent.popleft()
        if type(reply) is not ErrorReply:
            call.succeed(reply)
        elif call.source is not None and reply.code == "NOSCRIPT":
            call.spell_out()
            self.send(call)
        else:
            self._refused(self, call, reply)

    def _lose(self, reason: str) -> None:
        self._is_away(reason)
        self._drop(reason)
        self._tell_lost(self)

    def _is_away(self, reason: str) -> None:
        if not self.is_down:
            _log.warning("redis_lost", node=str(self.address), reason=reason)
        self.is_down = True

    def _drop(self, reason: str) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._oldest = None
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        sent = list(self._sent)
        self._sent.clear()
        self._fail(sent, f"Redis at {self.address} {reason}")

    def _fail_queue(self, reason: str, *, delay: float = 0.0) -> None:
        calls = self._queue.copy()
        self._queue.clear()
        self._fail(calls, reason, delay=delay)

    def _fail(self, calls: Sequence[Call], reason: str, *, delay: float = 0.0) -> None:
        for call in calls:
            call.fail(Unavailable(reason, delay=delay))

    def _look_later(self) -> None:
        self._looking = self._loop.call_later(self.limits.answer / _LOOKS, self._look)

    def _look(self) -> None:
        """Count looks at the same oldest call, not its age.

        After an event loop was blocked for longer than the limit, the first look comes before the
        replies are read that have long been there.
        """
        self._looking = None
        oldest = self._sent[0] if self._sent else None
        self._looks = self._looks + 1 if oldest is self._oldest else 0
        self._oldest = oldest
        if oldest is None:
            return
        if self._looks >= _LOOKS:
            self._lose(f"did not answer within {self.limits.answer} s")
        else:
            self._look_later()
