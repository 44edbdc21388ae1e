"""The session store and its model side by side: each call is made on both and must say the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from parley_core.domain.client_frames import Position
from parley_core.domain.errors import PermanentError, Refused
from parley_core.domain.events import Asked, Lease, Mail, MailKind, TurnStatus
from parley_core.domain.ids import ConnectionId, MessageId, ProcessId, SessionId, TurnId, UserId
from parley_core.domain.live import unpack
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.naming import session_keys
from parley_testing.edge_model import EdgeModel
from parley_testing.group_model import GroupModel
from parley_testing.listening import Ears
from parley_testing.session_model import Model, Session
from parley_testing.session_readback import FOR_EVER, Freezer, expected, is_even, read, timeless
from parley_testing.session_store import (
    ANN,
    OTHER_WORKER,
    PHONE,
    TAB,
    WORKER,
    SessionStore,
    text_frame,
)
from parley_testing.work_model import WorkModel

T = TypeVar("T")

BOB = UserId("bob")
LOGGED = {MailKind.TEXT, MailKind.ANSWER}
SHARED = {"ready", "leased", "leases", "fence", "sweep", "barred", "online:ann", "conns:edge/1"}
"""What a partition has for as long as it is used."""
ENDS = ("answers", "asks", "fails", "dies", "goes on")
LOOKS = 5
"""Looks at the lifetimes, of which one must find them even."""


class SessionTwins:
    """`kept` and `burst` as in `SessionStore`."""

    def __init__(self, url: str, prefix: str, *, kept: int, burst: int) -> None:
        self._runner = asyncio.Runner()
        self.client = RedisClient(url, name="twins")
        self.run(self.client.start())
        self.store = SessionStore(self.client, Keys(prefix), kept=kept, burst=burst)
        self.model = Model(ANN, kept=kept, burst=burst, max_sessions=self.store.max_sessions)
        self.edge, self.group = EdgeModel(self.model), GroupModel(self.model)
        self._works = {WORKER: self.store.work, OTHER_WORKER: self.store.other_work}
        self._models = {process: WorkModel(self.model, process=process) for process in self._works}
        self._freezer = Freezer(self.store, self.model)
        # On a Cluster a pattern cannot be subscribed to.
        self._ears = None if self.client.cluster else Ears(url, prefix)
        self.past: list[Callable[[], None]] = []
        self._numbers = count(1)

    def close(self) -> None:
        if self._ears:
            self._ears.close()
        self.run(self.client.aclose())
        self._runner.close()

    def run(self, step: Awaitable[T]) -> T:
        async def taken() -> T:
            return await step

        return self._runner.run(taken())

    def nonce(self) -> str:
        return f"{next(self._numbers):08x}"

    def same(
        self, on_model: Callable[[], object], on_store: Callable[[], Awaitable[object]]
    ) -> None:
        """Make a call on both sides, and remember it: it may come again at any time."""

        def both() -> None:
            should, does = _outcome(on_model), _outcome(lambda: self.run(on_store()))
            assert does == should, f"the store says {does}, the model {should}"

        self.past.append(both)
        both()

    def compare(self) -> None:
        """What is stored, what was published, and how long it all will live."""
        self.run(self._freezer.freeze())
        held, should = self.run(read(self.store, self.model.guests)), expected(self.model)
        wrong = {name for name in held | should if held.get(name) != should.get(name)}
        assert not wrong, [(name, held.get(name), should.get(name)) for name in wrong]
        published, self.model.published = self.model.published, []
        if self._ears:
            heard = [_heard(channel, payload) for channel, payload in self._ears.heard()]
            assert heard == published, f"heard {heard}, published {published}"
        self._compare_lifetimes()

    def _compare_lifetimes(self) -> None:
        # A machine that does something else in the middle of a look makes lives differ; what
        # really differs does so in every look.
        for _ in range(LOOKS):
            lives = self.run(self.store.lifetimes())
            if is_even(lives, self.model):
                break
        assert is_even(lives, self.model), lives
        for_ever = {name.rpartition("}:")[2] for name, life in lives.items() if life == -1}
        assert for_ever <= SHARED, for_ever

    # Calls of more than one line:

    def open(
        self,
        tab: ConnectionId = TAB,
        *,
        named: SessionId | None = None,
        is_new: bool = False,
        position: Position | None = None,
    ) -> None:
        made = self.nonce()

        async def on_store() -> object:
            self.store.fixed_nonce = made
            at = await self._real(position)
            return await self.store.conversations.open(
                ANN,
                device=PHONE,
                connection=tab,
                session=named,
                new=made if is_new else None,
                position=at,
            )

        self.same(
            lambda: self.edge.open(
                connection=tab, made=made, session=named, new=is_new, position=position
            ),
            on_store,
        )

    def open_as_guest(
        self, session: SessionId, position: Position | None, *, tab: ConnectionId
    ) -> None:
        async def on_store() -> object:
            at = await self._real(position)
            return await self.store.conversations.open(
                BOB, device=PHONE, connection=tab, session=session, position=at
            )

        self.same(lambda: self.group.open(BOB, session, position=position), on_store)

    def attach(self, session: SessionId, user: UserId, position: Position | None) -> None:
        async def on_store() -> object:
            at = await self._real(position)
            return await self.store.conversations.attach(session, user=user, position=at)

        self.same(lambda: self.edge.attach(session, user=user, position=position), on_store)

    def append(self, session: SessionId, mail: Mail, *, value: bytes = b"") -> None:
        logged = mail.kind in LOGGED
        frame = text_frame(session, mail.message_id, mail.content) if logged else b""
        what: dict[str, Any] = {"frame": frame, "origin": TAB, "value": value}
        self.same(
            lambda: self.edge.append(session, mail, **what),
            lambda: self.store.conversations.append(session, mail, **what),
        )

    def claim(self, process: ProcessId, *, room: int, after_silence: bool = False) -> None:
        nonce, partition = self.nonce(), self.store.partition

        async def on_store() -> object:
            await self.store.swept(ago=10 if after_silence else 0)
            return await self._works[process].claim(room=room, partition=partition, nonce=nonce)

        self.same(
            lambda: self._models[process].claim(
                room=room, nonce=nonce, after_silence=after_silence
            ),
            on_store,
        )

    def work(self, call: str, lease: Lease, *, by: ProcessId = WORKER, **what: Any) -> None:
        """One of the worker's calls that take a lease."""
        on_model, on_store = getattr(self._models[by], call), getattr(self._works[by], call)
        self.same(lambda: on_model(lease, **what), lambda: on_store(lease, **what))

    def commit(self, lease: Lease, turn: TurnId, status: TurnStatus, **how: Any) -> None:
        answer = MessageId(f"a-{turn}")
        frame = text_frame(lease.session, answer, "well", role="assistant")
        what: dict[str, Any] = {"turn": turn, "answer": answer, "type": "text"}
        what |= {"frame": frame, "status": status}
        self.work("commit", lease, **what, **how)

    def run_turns(self, by: ProcessId, *, base: str, checkpoint: str, text: str, end: str) -> None:
        """A worker takes what there is, writes a piece of each answer, and ends as in `ENDS`."""
        self.claim(by, room=3)
        for lease in [Lease(*item) for item in self.model.leases.items()]:
            self.work("inbox", lease, by=by)
            found = self.model.living(lease.session)
            if found and (turn := found.head):
                what: dict[str, Any] = {
                    "base": base,
                    "checkpoint": checkpoint,
                    "nonce": self.nonce(),
                }
                self.work("begin", lease, by=by, turn=turn, **what)
                held = Lease(found.id, self.model.leases[found.id])
                self.work("delta", held, **next_piece(found, text))
                self._end_attempt(held, turn, end)

    def _end_attempt(self, lease: Lease, turn: TurnId, end: str) -> None:
        match end:
            case "answers":
                self.commit(lease, turn, TurnStatus.DONE, checkpoint="k3", release=True)
            case "asks":
                self.ask(lease, turn, (self.nonce(), "i1"))
            case "fails":
                self.work("release", lease, counted=True)
            case "dies":
                self.let_lease_expire(lease.session)

    def ask(self, lease: Lease, turn: TurnId, interrupts: tuple[str, ...]) -> None:
        frame = text_frame(lease.session, "q", "which?", role="assistant")
        asked = Asked(MessageId("q"), frame, interrupts)
        self.work("wait", lease, turn=turn, asked=asked, checkpoint="k1")

    def evict(self, process: ProcessId) -> None:
        self.same(lambda: self._models[WORKER].evict(process), lambda: self.store.evict(process))

    def drop(self, session: SessionId, *, by: UserId | None = ANN) -> None:
        self.same(
            lambda: self.group.drop(session, by=by),
            lambda: self.store.memberships.drop(session, by=by),
        )

    # What happens without a call:

    def let_lease_expire(self, session: SessionId) -> None:
        self.model.overdue.add(session)
        self.run(self.store.let_expire(session))

    def let_rest(self) -> None:
        self.model.rested()
        for session, tick in self.model.ready.items():
            self.run(self.store.run("ZADD", self.store.shared.ready, "XX", tick, session))

    def bar_or_unbar(self, process: ProcessId) -> None:
        self.model.barred.symmetric_difference_update({process})
        barred = self.store.shared.barred
        if process in self.model.barred:
            self.run(self.store.run("ZADD", barred, FOR_EVER, process))
        else:
            self.run(self.store.run("ZREM", barred, process))

    def fill_the_buckets(self) -> None:
        for user in self.model.spent:
            key = self.store.keys.rate(user, "text", partition=self.store.partition)
            self.run(self.store.run("DEL", key))
        self.model.spent.clear()

    def expire(self, session: SessionId, *, wholly: bool) -> None:
        """All of a session's keys go, or its meta alone."""
        if session in self.model.sessions:
            names = self.store.names(session)
            gone = session_keys(names) if wholly else [names.meta]
            self.run(self.client.command("DEL", *gone, key=names.meta))
            (self.model.expire if wholly else self.model.lose_meta)(session)

    async def _real(self, position: Position | None) -> Position | None:
        """The position with the epoch that Redis made of the model's."""
        if position is None:
            return None
        for session in self.model.sessions:
            top = await self.store.conversations.top(session)
            if top and top.epoch.endswith(f"-{position.epoch}"):
                return replace(position, epoch=top.epoch)
        return position


def next_piece(found: Session, text: str, *, off: int = 0) -> dict[str, Any]:
    """What a delta says that comes where the last one ended, or `off` code points from there."""
    turn = found.turn
    if turn is None:
        return {"turn": "m 1", "attempt": 1, "offset": 0, "text": text}
    offset = max(0, (turn.offset or 0) + off)
    return {"turn": turn.id, "attempt": turn.attempt, "offset": offset, "text": text}


def _outcome(call: Callable[[], object]) -> str:
    """What a call returned or refused, without the times in it."""
    try:
        returned = repr(call())
    except Refused as refused:
        return f"refused: {refused.code}"
    except (PermanentError, ValueError) as error:
        return type(error).__name__
    return re.sub(r"created=\d+", "created=0", timeless(returned))


def _heard(channel: str, payload: bytes) -> tuple[Any, ...]:
    """As the model writes it down."""
    if channel.endswith(":wake"):
        return ("wake", payload.decode())
    word, _, told_of = payload.decode().partition("\n")
    if word in {"members", "dropped"}:
        return (channel.rpartition(":")[2], word, msgspec.json.decode(told_of))
    frame = unpack(timeless(payload.decode()).encode())
    place, body = "log" if frame.is_log else "live", frame.body
    told = body if frame.is_log else msgspec.json.decode(body)
    header = (place, frame.type, frame.epoch, frame.seq, frame.origin, frame.id)
    return (channel.rpartition(":")[2], *header, told)
