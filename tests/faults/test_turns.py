"""The worker is killed at each frame that a client gets: what clients do to turns holds."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest

import parley
from parley.session import Session
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Strategy
from parley_core.redis.processes import RedisProcesses
from parley_testing.hits import sessions_of
from parley_testing.stack import Stack

Frames = AsyncIterator[parley.Event]
Play = Callable[[Session, Frames], Awaitable[None]]
"""What a client says and does in a new session, and what must come of it."""
SAMPLES = 2
"""Frames at which the short form kills."""


async def three_questions(session: Session, frames: Frames) -> None:
    turn = (await session.send("go")).message_id
    async for frame in frames:
        match frame:
            case wire.InputRequest():
                asked = frame.interrupts[0]
                value = "abc".index(str(asked.value)) + 1
                await session.answer(asked.interrupt_id, value=value)
            case wire.Text(role="assistant"):
                assert frame.turn_id == turn
                assert sorted(frame.content.split("\n\n")) == ["a: 1", "b: 2", "c: 3"]
                return


async def cancelled(session: Session, frames: Frames) -> None:
    turn = (await session.send("go")).message_id
    await first_delta(frames)
    await session.cancel(turn_id=turn)

    end = await end_of(turn, frames)

    assert isinstance(end, wire.Text)
    assert end.finish == "cancelled"
    assert isinstance(await end_of((await session.send("next")).message_id, frames), wire.Text)


async def interrupted(session: Session, frames: Frames) -> None:
    end = await replaced(session, frames, Strategy.INTERRUPT)

    assert isinstance(end, wire.Text)
    assert end.finish == "cancelled"


async def rolled_back(session: Session, frames: Frames) -> None:
    end = await replaced(session, frames, Strategy.ROLLBACK)

    assert isinstance(end, wire.Error)
    assert end.code == "TURN_ROLLED_BACK"


async def replaced(session: Session, frames: Frames, strategy: Strategy) -> object:
    """How a turn ended in whose place another was put; that one is answered."""
    first = (await session.send("go")).message_id
    await first_delta(frames)
    second = (await session.send("this instead", strategy=strategy)).message_id
    end = await end_of(first, frames)
    answer = await end_of(second, frames)
    assert isinstance(answer, wire.Text)
    assert answer.finish == "stop"
    return end


async def first_delta(frames: Frames) -> None:
    async for frame in frames:
        if isinstance(frame, wire.Delta):
            return


async def end_of(turn: str, frames: Frames) -> object:
    async for frame in frames:
        match frame:
            case wire.Text(role="assistant", turn_id=ended) | wire.Error(seq=int(), turn_id=ended):
                assert ended == turn, f"{ended} ended where {turn} should"
                return frame
    raise AssertionError("the stream ended")


PLAYS = {
    "three questions": ("questions", three_questions),
    "cancel": ("brief", cancelled),
    "interrupt": ("brief", interrupted),
    "rollback": ("brief", rolled_back),
}
plays = pytest.mark.parametrize(("graph", "play"), PLAYS.values(), ids=PLAYS)


class Theatre:
    """Plays one scene again and again, and kills whoever works for it at a chosen frame."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = count()
        self.hit = 0
        """Kills of a worker that had the session in hand."""

    async def perform(self, play: Play, *, kill_at: int | None) -> int:
        """How many frames the client got."""
        seen = 0
        user = f"user-{next(self._numbers)}"
        async with parley.connect(self._stack.url, user_id=user, device_id="d") as session:

            async def frames() -> Frames:
                nonlocal seen
                async for frame in session:
                    seen += 1
                    if seen == kill_at:
                        await self._replace_worker()
                    yield frame

            await play(session, frames())
        return seen

    async def _replace_worker(self) -> None:
        """SIGKILL, as a supervisor sees it: its sessions are free, and another one starts."""
        stack = self._stack
        for name in stack.workers:
            member = stack.members[name]
            self.hit += bool(await sessions_of(member.id, stack.direct, stack.keys))
            stack.running(name).end()
            await RedisProcesses(stack.direct, stack.keys).evict(member.id)
            stack.spawn(name)


@plays
@pytest.mark.timeout(150)
async def test_turns_end_as_clients_want_when_workers_are_replaced(
    tmp_path: Path, graph: str, play: Play, dice: random.Random
) -> None:
    async with Stack(tmp_path, workers=1, env=_env(graph)) as stack:
        theatre = Theatre(stack)
        frames = await theatre.perform(play, kill_at=None)

        for kill_at in sorted(dice.sample(range(1, frames), SAMPLES)):
            await theatre.perform(play, kill_at=kill_at)


@plays
@pytest.mark.full
@pytest.mark.timeout(900)
async def test_turns_end_as_clients_want_whatever_frame_the_worker_is_killed_at(
    tmp_path: Path, graph: str, play: Play
) -> None:
    async with Stack(tmp_path, workers=1, env=_env(graph)) as stack:
        theatre = Theatre(stack)
        frames = await theatre.perform(play, kill_at=None)

        for kill_at in range(1, frames):
            await theatre.perform(play, kill_at=kill_at)

    print(f"{graph}: killed at each of {frames - 1} frames, {theatre.hit} times in the turn")
    assert theatre.hit >= frames // 3


def _env(graph: str) -> dict[str, str]:
    return {"PARLEY_GRAPH": f"parley_testing.graphs:{graph}"}
