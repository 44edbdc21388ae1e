"""One attempt at a turn: the graph runs, and what it writes goes out while it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

import structlog

from parley_conversation.deltas import DeltaStream
from parley_conversation.domain.streaming import event_frame, node_frame
from parley_conversation.domain.transcript import Piece, Transcript
from parley_conversation.graph.agent import Agent, Snapshot, Streamed, Wrote
from parley_conversation.patience import until_answered
from parley_conversation.run import Run
from parley_core.domain.errors import StaleToken
from parley_core.domain.events import Stop
from parley_core.domain.ids import TurnId
from parley_core.ports import Work

_log = structlog.get_logger(__name__)


class AnswerFull(Exception):
    """The graph wrote more than an answer may hold."""


class Attempt:
    """`number` and `base` are those that `Work.begin` was given and gave."""

    def __init__(
        self, work: Work, agent: Agent, run: Run, *, turn: TurnId, number: int, base: str
    ) -> None:
        self._work = work
        self._agent = agent
        self._run = run
        self._turn = turn
        self._number = number
        self._transcript = Transcript(base)

    @property
    def written(self) -> str:
        """The answer as far as it was written."""
        return self._transcript.text

    async def execute(self, given: object, snapshot: Snapshot) -> Snapshot:
        """Run the graph to its end or to a question; the newest state. Raises `AnswerFull`."""
        parts = self._agent.stream(self._run, turn=self._turn, given=given)
        async with DeltaStream(self._transcript, self._send, self._show) as deltas:
            deltas.doing(snapshot.doing)
            async with aclosing(parts):
                async for part in parts:
                    match part:
                        case Wrote():
                            deltas.say(part.message_id, part.text)
                        case Streamed():
                            await self._stream(part.value)
                        case Snapshot():
                            snapshot = part
                            deltas.settle(part.answer_to(self._turn).text)
                            deltas.doing(part.doing)
                    if self._transcript.is_full:
                        raise AnswerFull
        return snapshot

    async def _send(self, piece: Piece) -> None:
        await self._told(
            lambda: self._work.delta(
                self._run.lease,
                turn=self._turn,
                attempt=self._number,
                offset=piece.offset,
                text=piece.text,
            )
        )

    async def _show(self, node: str) -> None:
        frame = node_frame(self._turn, self._number, node)
        await self._told(lambda: self._work.say(self._run.lease, type="turn", frame=frame))

    async def _stream(self, value: object) -> None:
        frame = event_frame(self._turn, value)
        if frame is None:
            _log.warning("event left out: too large", turn=self._turn)
            return
        await self._told(lambda: self._work.say(self._run.lease, type="event", frame=frame))

    async def _told(self, call: Callable[[], Awaitable[Stop | None]]) -> None:
        """Make a call, patiently; its reply may say that the turn is to stop."""
        try:
            stop = await until_answered(call, is_over=lambda: self._run.is_over)
        except StaleToken:
            self._run.lose()
        else:
            if stop:
                self._run.stopped(stop)
