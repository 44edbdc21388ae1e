"""One scene for each script of the session store: what goes before it, and its call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from parley_core.domain.client_frames import Position
from parley_core.domain.events import Lease, MailKind, Mark, TurnStatus
from parley_core.domain.ids import (
    MessageId,
    Seq,
    SessionId,
    Token,
    TurnId,
    UserId,
    new_session_id,
)
from parley_core.domain.members import ReplyMode, Role
from parley_testing.session_store import SessionStore, text_frame

FIRST, SECOND = "m 1", "m 2"
BOB = UserId("bob")


class Stage:
    """A store, and what a scene has come to in it."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store
        self.session = SessionId("")
        self.lease = Lease(self.session, Token(""))

    async def opened(self) -> None:
        self.session = (await self.store.open(new="0a")).session

    async def said(self) -> None:
        await self.opened()
        await self.store.say(self.session, FIRST)
        await self.store.say(self.session, SECOND)

    async def claimed(self) -> None:
        await self.said()
        self.lease = await self.store.claim()

    async def begun(self) -> None:
        await self.claimed()
        _, self.lease = await self.store.begin(self.lease, FIRST, base="bå", checkpoint="k1")

    async def died(self) -> None:
        """A worker's lease expired in the middle of a turn, and another has it now."""
        await self.begun()
        await self.store.let_expire(self.session)
        self.lease = await self.store.claim()

    async def asked_to_stop(self) -> None:
        await self.begun()
        await self.store.cancel(self.session)

    async def asking(self) -> None:
        """A turn waits for an answer, and nothing else does."""
        await self.opened()
        await self.store.say(self.session, FIRST)
        _, self.lease = await self.store.begin(await self.store.claim(), FIRST)
        await self.store.ask(self.lease, FIRST, "i1", "i2")

    async def answered_early(self) -> None:
        """One of its questions was answered and it runs; the other one was answered since."""
        await self.asking()
        await self.store.answer(self.session, "m 2", "i2")
        _, self.lease = await self.store.begin(await self.store.claim(), FIRST)
        await self.store.answer(self.session, "m 3", "i1")

    async def asked_to_clear(self) -> None:
        await self.opened()
        await self.store.say(self.session, "clear", kind=MailKind.CLEAR)
        await self.store.run("SET", self.store.names(self.session).checkpoints[0], "a checkpoint")
        self.lease = await self.store.claim()

    async def answered(self) -> None:
        await self.begun()
        await self.store.end(self.lease, FIRST)

    async def answered_and_listed(self) -> None:
        """Beside as many sessions as a user may have."""
        await self.answered()
        await self.store.open(new="0b")
        await self.store.open(new="0c")

    async def with_bob(self) -> None:
        """A worker runs a turn in a session with another member."""
        await self.begun()
        await self.store.set_role(self.session, BOB, Role.MEMBER)

    async def not_asked(self) -> None:
        """The agent is not to answer, though it has begun to."""
        await self.begun()
        await self.store.memberships.set_reply(self.session, ReplyMode.NEVER, by=None)

    async def mentioned(self) -> None:
        """The agent answers who calls it, and the newest text does not."""
        await self.claimed()
        await self.store.memberships.set_reply(self.session, ReplyMode.MENTIONED, by=None)
        await self.store.say(self.session, 'a"side')

    async def listing(self) -> None:
        await self.said()
        await _list(Role.MEMBER)(self)

    async def owing(self) -> None:
        """Bob's list has not been told that he is in the session."""
        await self.said()
        await self.store.set_role(self.session, BOB, Role.MEMBER)
        await self.store.run("ZADD", self.store.shared.owed, 5, f"{self.session}\n{BOB}")

    async def listed(self) -> None:
        """As many sessions as a user may have; the first is the oldest."""
        await self.opened()
        await self.store.open(new="0b")
        await self.store.open(new="0c")


Act = Callable[[Stage], Awaitable[Any]]


@dataclass(frozen=True)
class Scene:
    """`moves`: keys, by their ends, that a repeat may change because they hold a time."""

    script: str
    arrange: Act
    call: Act
    moves: tuple[str, ...] = ()
    takes_token: bool = False
    publishes_again: bool = False


def _open(**how: Any) -> Act:
    async def call(stage: Stage) -> object:
        opened = await stage.store.open(**how)
        return opened.session, opened.existed, opened.attachment.top, opened.attachment.events

    return call


def _named(stage: Stage) -> Awaitable[object]:
    return _open(session=stage.session)(stage)


def _say(message: str, **what: Any) -> Act:
    async def call(stage: Stage) -> object:
        accepted = await stage.store.say(stage.session, message, **what)
        return accepted.seq, accepted.epoch

    return call


async def _notice(stage: Stage) -> object:
    frame = text_frame(stage.session, "n 1", "mind", role="system")
    accepted = await stage.store.announcements.post(stage.session, MessageId("n 1"), frame=frame)
    return accepted.seq, accepted.epoch


def _begin(**what: Any) -> Act:
    async def call(stage: Stage) -> object:
        begun, _ = await stage.store.begin(stage.lease, FIRST, nonce="beg", **what)
        return begun

    return call


def _claim(stage: Stage) -> Awaitable[object]:
    return stage.store.work.claim(room=3, partition=stage.store.partition, nonce="cla")


def _delta(stage: Stage) -> Awaitable[object]:
    return stage.store.work.delta(
        stage.lease, turn=TurnId(FIRST), attempt=1, offset=2, text='ßz\n"'
    )


def _end(**how: Any) -> Act:
    return lambda stage: stage.store.end(stage.lease, FIRST, **how)


def _topic(stage: Stage) -> Awaitable[object]:
    frame = text_frame(stage.session, "topic", "not what a service sends")
    return stage.store.work.commit(
        stage.lease,
        turn=TurnId(FIRST),
        answer=MessageId("topic"),
        type="system",
        frame=frame,
        status=TurnStatus.DONE,
        checkpoint="",
        topic="fish",
    )


def _wait(stage: Stage) -> Awaitable[object]:
    return stage.store.ask(stage.lease, FIRST)


async def _answer(stage: Stage) -> object:
    accepted = await stage.store.answer(stage.session, "m 3")
    return accepted.seq, accepted.epoch


def _cancel(turn: str | None = None) -> Act:
    return lambda stage: stage.store.cancel(stage.session, turn)


def _node(stage: Stage) -> Awaitable[object]:
    return stage.store.work.say(stage.lease, type="turn", frame=b'{"type":"turn"}')


def _clear(turn: str) -> Act:
    return lambda stage: stage.store.work.clear(stage.lease, turn=TurnId(turn), nonce="cle")


def _release(*, counted: bool) -> Act:
    return lambda stage: stage.store.work.release(stage.lease, counted=counted)


def _attach(stage: Stage) -> Awaitable[object]:
    return stage.store.attach(stage.session, Position("1-a", 0))


def _role(role: Role | None) -> Act:
    return lambda stage: stage.store.set_role(stage.session, BOB, role)


def _reply(mode: ReplyMode) -> Act:
    return lambda s: s.store.memberships.set_reply(s.session, mode, by=None)


def _list(role: Role | None) -> Act:
    # The owner's own, because another's is in another partition.
    return lambda stage: stage.store.lists.tell(
        stage.session, stage.store.user, role, is_current=True
    )


def _pay(stage: Stage) -> Awaitable[object]:
    return stage.store.lists.pay(stage.session, BOB)


def _group(stage: Stage) -> Awaitable[object]:
    return stage.store.memberships.members(stage.session, by=BOB)


def _drop(stage: Stage) -> Awaitable[object]:
    return stage.store.memberships.drop(stage.session, by=stage.store.user)


async def _marks(stage: Stage) -> object:
    return [mark async for mark in stage.store.branches.marks(stage.session, at=Seq(9))]


def _fork(stage: Stage) -> Awaitable[object]:
    store = stage.store
    return store.branches.fork(
        stage.session,
        owner=store.user,
        mark=Mark(Seq(3), "k9"),
        to=new_session_id(store.user, nonce="0f"),
        request="beef",
    )


def _token_scene(script: str, arrange: Act, call: Act, **more: Any) -> Scene:
    return Scene(script, arrange, call, takes_token=True, **more)


async def _nothing(stage: Stage) -> None:
    del stage


SCENES = {
    "a first device opens": Scene("open", _nothing, _open()),
    "open makes a new session": Scene("open", Stage.said, _open(new="0b")),
    "open archives the oldest": Scene("open", Stage.listed, _open(new="0d")),
    "open moves to a session": Scene("open", Stage.listed, _named),
    "a text": Scene("append", Stage.said, _say("m 3")),
    "a first text": Scene("append", Stage.opened, _say(FIRST)),
    "a command": Scene("append", Stage.said, _say("m 3", kind=MailKind.TOPIC)),
    "a text that interrupts": Scene("append", Stage.begun, _say("m 3", strategy="interrupt")),
    "attach": Scene("attach", Stage.asked_to_stop, _attach),
    "claim": Scene("claim", Stage.said, _claim, moves=(":sweep",)),
    "claim after a death": Scene("claim", Stage.died, _claim, moves=(":sweep",)),
    "inbox": _token_scene("inbox", Stage.begun, lambda s: s.store.work.inbox(s.lease)),
    "renew": _token_scene(
        "renew", Stage.asked_to_stop, lambda s: s.store.work.renew(s.lease), moves=(":leased",)
    ),
    "release": _token_scene("release", Stage.begun, _release(counted=False)),
    "a release that counts": _token_scene("release", Stage.begun, _release(counted=True)),
    "begin": _token_scene("begin", Stage.claimed, _begin(base="", checkpoint="")),
    "begin from a checkpoint": _token_scene("begin", Stage.claimed, _begin(base='bå "')),
    "begin again": _token_scene("begin", Stage.died, _begin(base="bå", checkpoint="k1")),
    "delta": _token_scene("delta", Stage.begun, _delta),
    "commit": _token_scene("commit", Stage.begun, _end(release=False)),
    "commit and release": _token_scene("commit", Stage.begun, _end()),
    "a topic": _token_scene("commit", Stage.claimed, _topic),
    "close": _token_scene("close", Stage.asked_to_stop, _end(status=TurnStatus.CANCELLED)),
    "close without a turn": _token_scene("close", Stage.claimed, _end(status=TurnStatus.FAILED)),
    "wait": _token_scene("wait", Stage.begun, _wait),
    "clear": _token_scene("clear", Stage.asked_to_clear, _clear("clear")),
    "clear while a turn is open": _token_scene("clear", Stage.begun, _clear(FIRST)),
    "wait for what was answered": _token_scene("wait", Stage.answered_early, _wait),
    "say": _token_scene("say", Stage.begun, _node, publishes_again=True),
    "an answer": Scene("append", Stage.asking, _answer),
    "a text instead of an answer": Scene("append", Stage.asking, _say("m 3")),
    "cancel": Scene("cancel", Stage.begun, _cancel(), publishes_again=True),
    "cancel what waits": Scene("cancel", Stage.asking, _cancel(), publishes_again=True),
    "cancel what is queued": Scene("cancel", Stage.said, _cancel(FIRST)),
    "marks": Scene("marks", Stage.answered, _marks),
    "fork": Scene("fork", Stage.answered, _fork),
    "fork archives the oldest": Scene("fork", Stage.answered_and_listed, _fork),
    "a notice": Scene("notice", Stage.begun, _notice),
    "a text that is not for the agent": Scene("append", Stage.not_asked, _say("m 3")),
    "a text after such": Scene("append", Stage.mentioned, _say("m 3", content="@AGENT")),
    "drop": Scene("drop", Stage.with_bob, _drop, moves=(":owed",)),
    "a new member": Scene("members", Stage.said, _role(Role.VIEWER), moves=(":owed",)),
    "another role": Scene("members", Stage.with_bob, _role(Role.VIEWER), moves=(":owed",)),
    "a member less": Scene("members", Stage.with_bob, _role(None), moves=(":owed",)),
    "group": Scene("group", Stage.with_bob, _group),
    "reply mode": Scene("reply_mode", Stage.said, _reply(ReplyMode.NEVER)),
    "list": Scene("list", Stage.said, _list(Role.MEMBER)),
    "list no more": Scene("list", Stage.listing, _list(None)),
    "paid": Scene("paid", Stage.owing, _pay),
    "seen": Scene("seen", Stage.answered, lambda s: s.store.seen(s.session, 2)),
    "touch": Scene(
        "touch",
        Stage.answered,
        lambda s: s.store.conversations.touch(s.session, user=s.store.user),
    ),
}
