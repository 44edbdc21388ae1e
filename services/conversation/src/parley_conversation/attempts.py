"""The attempts of one worker at one turn: another one after an error of a model that may pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from langgraph.errors import GraphDrained

from parley_checkpoint import StaleToken as StaleCheckpoint
from parley_conversation.attempt import AnswerFull, Attempt
from parley_conversation.domain.failures import Failure, failure_of
from parley_conversation.graph.agent import Agent, Snapshot
from parley_conversation.patience import until_answered
from parley_conversation.run import Run
from parley_core.domain.errors import StaleToken, Unavailable
from parley_core.domain.events import Begun
from parley_core.domain.ids import TurnId
from parley_core.ports import Work

EXHAUSTED = "The agent failed on this message again and again. Please send it in other words."

Given = Callable[[Snapshot], Awaitable[object]]
"""What the graph is given at the state that there is."""

_log = structlog.get_logger(__name__)


class TurnFailed(Exception):
    """The turn is not worth another attempt. `told`: one sentence that the user can act on."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


class Attempts:
    """Begins attempts under the run's lease; `nonce` makes each one's token unique."""

    def __init__(
        self, work: Work, agent: Agent, run: Run, *, turn: TurnId, nonce: Callable[[], str]
    ) -> None:
        self._work = work
        self._agent = agent
        self._run = run
        self._turn = turn
        self._nonce = nonce
        self._newest: Attempt | None = None

    @property
    def written(self) -> str:
        """The answer as far as the newest attempt has written it."""
        return self._newest.written if self._newest else ""

    async def until_done(self, snapshot: Snapshot, given: Given) -> Snapshot:
        """Run until the turn ends or asks; the newest state.

        Raises `TurnFailed`, `AnswerFull`, and what the graph raises. Pieces of an answer that an
        error cut short have gone out, so that a repeat is another attempt.
        """
        tries = 0
        outcome = await self._supervise(snapshot, given, tries=tries)
        while isinstance(outcome, Failure):
            if outcome.after is None:
                raise TurnFailed(outcome.told)
            await asyncio.sleep(outcome.after)
            tries += 1
            snapshot = await self._agent.snapshot(self._run.lease.session, self._run)
            outcome = await self._supervise(snapshot, given, tries=tries)
        return outcome

    async def _supervise(
        self, snapshot: Snapshot, given: Given, *, tries: int
    ) -> Snapshot | Failure:
        """Where an attempt ended, or what the error of a model that ended it means."""
        attempt = self._newest = await self._begin(snapshot)
        try:
            return await attempt.execute(await given(snapshot), snapshot)
        except (StaleToken, StaleCheckpoint, Unavailable, GraphDrained, AnswerFull):
            raise
        except Exception as error:
            failure = failure_of(error, tries=tries)
            if failure is None:
                raise
            reason = f"{type(error).__name__}: {error}"
            _log.warning("model failed", turn=self._turn, reason=reason, again_in=failure.after)
            return failure

    async def _begin(self, snapshot: Snapshot) -> Attempt:
        base = base_of(snapshot, self._turn)
        opening = Opening(self._turn, base, snapshot.checkpoint, self._nonce())
        begun = await begin(self._work, self._run, opening)
        if begun.exhausted:
            raise TurnFailed(EXHAUSTED)
        attempt = Attempt(
            self._work, self._agent, self._run, turn=self._turn, number=begun.attempt, base=base
        )
        if begun.stop:
            self._newest = attempt
            self._run.stopped(begun.stop)
            await asyncio.sleep(0)  # where that takes effect
        return attempt


class Opening(NamedTuple):
    """How an attempt begins, as `Work.begin` takes it."""

    turn: TurnId
    base: str
    checkpoint: str
    nonce: str


async def begin(work: Work, run: Run, opening: Opening) -> Begun:
    """Open or reopen the turn; the run goes on under the new token."""
    with run.in_doubt():
        begun = await until_answered(
            lambda: work.begin(run.lease, **opening._asdict()), is_over=lambda: run.is_over
        )
        run.adopt(begun.token)
    return begun


def base_of(snapshot: Snapshot, turn: TurnId) -> str:
    """What the checkpoint already has of the turn's answer: nodes that ended do not write again."""
    return snapshot.answer_to(turn).text if snapshot.run_id == turn else ""
