"""Users that talk: the load under which faults are injected and figures are taken."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from msgspec import UNSET

import parley
from parley.bench.record import DeviceRecord, History, Recorder
from parley.domain.events import place
from parley.session import Session, new_id
from parley_core.domain import server_frames as wire

WORDS = ("river", "stone", "lamp", "harbour", "winter", "copper", "letter", "garden", "signal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Who talks, and how much.

    Each of `clients` users has `devices` that take turns in sending `messages` texts; without
    `rate` (texts a second and user) each waits for the answer before the next text. `messages`
    None: until the run is told to stop. `drop_every` (seconds): each user's last device loses its
    socket that often. `listener_url`: each user's last device only listens, and there.
    `begin_within` (seconds): the users begin to talk one after the other, evenly over that time, so
    that what they ask for does not all end at one moment. `timeout` (seconds): for an ack, for an
    answer, for catching up.
    """

    url: str
    clients: int = 10
    messages: int | None = 10
    devices: int = 1
    rate: float | None = None
    drop_every: float | None = None
    listener_url: str | None = None
    begin_within: float = 0.0
    timeout: float = 60.0
    seed: int = 0
    name: str = field(default_factory=lambda: f"bench-{new_id()[:8]}")


async def drive(load: Load, *, until: asyncio.Event | None = None) -> History:
    """Talk until every user has sent its texts, or `until` is set, and all were answered.

    Returns what every device recorded, whatever went wrong: `checker.check` judges it. A text
    that was not answered in time ends its user's talk.
    """
    users = [_User(load, number, until=until or asyncio.Event()) for number in range(load.clients)]
    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(user.run())
    return tuple(record for user in users for record in user.records())


class _User:
    """One user with all devices, in one session."""

    def __init__(self, load: Load, number: int, *, until: asyncio.Event) -> None:
        self._load = load
        self._until = until
        self._random = random.Random(f"{load.seed}/{number}")  # noqa: S311 - texts, not secrets
        self._user_id = f"{load.name}-{number}"
        self._begins_after = load.begin_within * number / load.clients
        self._recorders = [
            Recorder(self._user_id, device_id=f"device-{device}", clock=time.monotonic)
            for device in range(load.devices)
        ]
        self._sessions: list[Session] = []
        self._ended: set[str] = set()
        self._changed = asyncio.Condition()
        self._over = asyncio.Event()

    def records(self) -> tuple[DeviceRecord, ...]:
        """What the devices recorded."""
        return tuple(recorder.record() for recorder in self._recorders)

    async def run(self) -> None:
        """Connect, talk, catch up, close; the record tells what did not work in time."""
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            for recorder in self._recorders:
                session = await stack.enter_async_context(self._connect(recorder))
                self._sessions.append(session)
                group.create_task(self._listen(session))
            if self._load.drop_every is not None:
                group.create_task(self._drop(self._sessions[-1], every=self._load.drop_every))
            with suppress(TimeoutError, parley.Unacknowledged):
                await asyncio.sleep(self._begins_after)
                await self._talk()
            self._over.set()
            with suppress(TimeoutError):
                await self._until_all(self._have_caught_up)

    def _connect(self, recorder: Recorder) -> Session:
        is_last = recorder is self._recorders[-1]
        return parley.connect(
            (self._load.listener_url if is_last else None) or self._load.url,
            user_id=self._user_id,
            device_id=recorder.device_id,
            observer=recorder.observer(),
            patience=self._load.timeout,
            roll=self._random.random,
        )

    async def _listen(self, session: Session) -> None:
        async for event in session:
            if place(event) is None and not isinstance(event, parley.Snapshot):
                continue
            async with self._changed:
                self._ended.update(_ended_by(event))
                self._changed.notify_all()

    async def _drop(self, session: Session, *, every: float) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._over.wait()
                return
            session.drop()

    async def _talk(self) -> None:
        numbers = itertools.count() if self._load.messages is None else range(self._load.messages)
        if self._load.rate is None:
            for number in numbers:
                if self._until.is_set():
                    return
                await self._say(number)
        else:
            await self._talk_at(self._load.rate, numbers)

    async def _talk_at(self, rate: float, numbers: Iterable[int]) -> None:
        async with asyncio.TaskGroup() as saying:
            for number in numbers:
                saying.create_task(self._say_or_give_up(number))
                with suppress(TimeoutError):
                    async with asyncio.timeout(1 / rate):
                        await self._until.wait()
                    return

    async def _say_or_give_up(self, number: int) -> None:
        with suppress(TimeoutError, parley.Unacknowledged):
            await self._say(number)

    async def _say(self, number: int) -> None:
        speakers = len(self._sessions) - (self._load.listener_url is not None)
        session, key = self._sessions[number % speakers], new_id()
        try:
            await session.send(self._content(number), message_id=key)
        except parley.Refused as refused:
            await asyncio.sleep((refused.retry_after_ms or 100) / 1000)
        else:
            await self._until_all(lambda: key in self._ended)

    def _content(self, number: int) -> str:
        words = self._random.choices(WORDS, k=self._random.randint(1, 12))
        return f"{number}: {' '.join(words)}"

    async def _until_all(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(self._load.timeout), self._changed:
            await self._changed.wait_for(holds)

    def _have_caught_up(self) -> bool:
        return len({session.position for session in self._sessions}) == 1


def _ended_by(event: parley.Event) -> Iterator[str]:
    """The turns that an event is the end of."""
    match event:
        case parley.Snapshot():
            for frame in event.frames:
                yield from _ended_by(frame)
        case wire.Text(role="assistant", turn_id=str(turn)):
            yield turn
        case wire.Error(seq=int()):
            turn_id = event.message_id if event.turn_id is UNSET else event.turn_id
            yield str(turn_id)
