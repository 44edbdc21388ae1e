"""How a turn ends: what the graph's state needs first, and then its commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from parley_checkpoint import StaleToken as StaleCheckpoint
from parley_conversation.domain import endings
from parley_conversation.domain.answer import Answer, Finish
from parley_conversation.domain.closing import CANCELLED, Closing, How
from parley_conversation.domain.endings import Ending
from parley_conversation.domain.resuming import Question
from parley_conversation.graph.agent import Agent, Snapshot
from parley_conversation.patience import until_answered
from parley_conversation.run import Run, Stopped
from parley_core.domain.errors import Refused, StaleToken, Unavailable
from parley_core.domain.events import Lease, Stop
from parley_core.domain.ids import TurnId
from parley_core.ports import Work

_log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """A turn in its conversation. `base`: the checkpoint before it; `content`: its input's."""

    turn: TurnId
    base: str
    content: str | None


class Ender:
    """Ends turns. Each end is a commit, and gives the session back: its next item is anybody's.

    Every call may raise `StaleToken`, the checkpointer's own, and `Unavailable`; a turn's own end
    and a question also `Stopped`, if a stop came first.
    """

    def __init__(self, work: Work, agent: Agent) -> None:
        self._work = work
        self._agent = agent

    async def finished(self, run: Run, turn: TurnId, snapshot: Snapshot) -> None:
        """The graph has nothing left to do: commit its answer, or what it was closed for."""
        answer, lease = snapshot.answer_to(turn), run.lease
        match snapshot.closed:
            case None:
                ending = endings.answered(lease, turn, answer, checkpoint=snapshot.checkpoint)
            case Closing(How.FAILED, told):
                ending = endings.failed(lease, turn, told)
            case Closing(How.CANCELLED):
                ending = endings.cancelled(lease, turn, answer.text)
            case Closing(How.LENGTH):
                cut = Answer(answer.text, Finish.LENGTH)
                ending = endings.answered(lease, turn, cut, checkpoint=snapshot.checkpoint)
        await self.commit(run, turn, ending)

    async def failed(self, run: Run, at: Place, told: str, *, written: str = "") -> None:
        """`told`: one sentence that the user can act on."""
        _log.warning("turn failed", session=run.lease.session, turn=at.turn, told=told)
        await self.close(run, at, Closing(How.FAILED, told), written=written)

    async def stopped(self, run: Run, at: Place, why: Stop, *, written: str) -> None:
        """The turn ends before it is done, with what was written or as if it had not been."""
        if why is Stop.ROLLBACK:
            await self._agent.rewind(run, turn=at.turn, to=at.base)
            await self.commit(run, at.turn, endings.rolled_back(run.lease, at.turn))
        else:
            await self.close(run, at, CANCELLED, written=written)

    async def asked(
        self, run: Run, turn: TurnId, questions: Sequence[Question], snapshot: Snapshot
    ) -> None:
        """The turn waits for people; nothing is held meanwhile."""
        asked = endings.asked(run.lease, turn, questions)
        await self._ended(
            run,
            lambda: self._work.wait(
                run.lease, turn=turn, asked=asked, checkpoint=snapshot.checkpoint
            ),
        )

    async def commit(self, run: Run, turn: TurnId, ending: Ending) -> None:
        """Put a turn's end into the log."""
        await self._ended(
            run,
            lambda: self._work.commit(
                run.lease,
                turn=turn,
                answer=ending.id,
                type=ending.type,
                frame=ending.frame,
                status=ending.status,
                checkpoint=ending.checkpoint,
                topic=ending.topic,
                release=True,
            ),
        )

    async def close(self, run: Run, at: Place, how: Closing, *, written: str = "") -> None:
        """End a turn that does not end by itself, with what was written of its answer."""
        if (snapshot := await self._supervise_close(run, at, how, written)) is not None:
            # Another checkpointer may not keep what the checkpoint says of its end.
            await self.finished(run, at.turn, replace(snapshot, closed=how))
            return
        await self._agent.rewind(run, turn=at.turn, to=at.base)
        await self.commit(run, at.turn, _without_state(run.lease, at.turn, how, written))

    async def _supervise_close(
        self, run: Run, at: Place, how: Closing, written: str
    ) -> Snapshot | None:
        """The closed state; None if the graph cannot be closed: it must not block the next turn."""
        try:
            return await self._agent.close(
                run, turn=at.turn, how=how, content=at.content, written=written
            )
        except (StaleToken, StaleCheckpoint, Unavailable):
            raise
        except Exception:  # noqa: BLE001 (logged with its traceback; the turn ends in any case)
            _log.exception("turn not closed", session=run.lease.session, turn=at.turn)
            return None

    async def _ended(self, run: Run, call: Callable[[], Awaitable[object]]) -> None:
        with run.in_doubt():
            try:
                await until_answered(call, is_over=lambda: run.is_over)
            except Refused:
                stop = await until_answered(
                    lambda: self._work.renew(run.lease), is_over=lambda: run.is_over
                )
                if stop is None:
                    raise
                run.stopped(stop)
                raise Stopped from None


def _without_state(lease: Lease, turn: TurnId, how: Closing, written: str) -> Ending:
    """The end of a turn whose graph could not be closed."""
    match how.how:
        case How.FAILED:
            return endings.failed(lease, turn, how.told)
        case How.CANCELLED:
            return endings.cancelled(lease, turn, written)
        case How.LENGTH:
            return endings.answered(lease, turn, Answer(written, Finish.LENGTH), checkpoint="")
