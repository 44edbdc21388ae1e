"""One item of a session's mailbox, from its lease to its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import structlog
from langgraph.errors import GraphDrained

from parley_checkpoint import StaleToken as StaleCheckpoint
from parley_conversation import metrics
from parley_conversation.deltas import DeltaStream
from parley_conversation.domain.endings import Ending, answered, failed, topic_switched
from parley_conversation.domain.said import Said
from parley_conversation.domain.transcript import Piece, Transcript
from parley_conversation.graph.agent import Agent, Snapshot, Wrote
from parley_conversation.memory import Log, remembered
from parley_conversation.patience import until_answered
from parley_conversation.run import Run
from parley_core.domain.errors import StaleToken, Unavailable
from parley_core.domain.events import Begun, Inbox, Mail, MailKind
from parley_core.domain.ids import TurnId
from parley_core.ports import Work

EXHAUSTED = "The agent failed on this message again and again. Please send it in other words."
TIMED_OUT = "The agent took too long for this message. Please ask for less at once."
ASKED = "The agent asked back, which is not available yet. Please send everything it needs."
NO_QUESTION = "The agent does not wait for this answer any more. Please send it as a message."

Reply = TypeVar("Reply")

_log = structlog.get_logger(__name__)


class Runner:
    """Runs turns. `timeout`: seconds of one attempt; `nonce` makes a new token unique."""

    def __init__(
        self, work: Work, agent: Agent, log: Log, *, timeout: float, nonce: Callable[[], str]
    ) -> None:
        self._work = work
        self._agent = agent
        self._log = log
        self._timeout = timeout
        self._nonce = nonce

    async def supervise(self, run: Run) -> None:
        """Do what the session waits for. However that ends, it ends here; never raises.

        An exception of the graph, or of ours, counts as an attempt, so that a poisoned message is
        failed after three and the next one gets its turn. A lost lease is nobody's fault and not
        even released. While Redis is away nothing is counted: the lease cannot expire then.
        """
        started = monotonic()
        log = _log.bind(session=run.lease.session)
        try:
            await self._serve(run)
        except (StaleToken, StaleCheckpoint):
            log.info("lease lost")
        except GraphDrained:
            await self._release(run, counted=False)
        except asyncio.CancelledError:
            if run.lost:
                log.info("lease lost")
            else:
                await self._release(run, counted=False)
        except Unavailable as error:
            log.warning("turn given up", reason=str(error))
        except Exception:
            log.exception("attempt failed")
            await self._release(run, counted=True)
        finally:
            metrics.TURN_SECONDS.observe(monotonic() - started)

    async def _serve(self, run: Run) -> None:
        inbox, snapshot = await _together(
            self._repeated(run, lambda: self._work.inbox(run.lease)),
            self._repeated(run, lambda: self._agent.snapshot(run.lease.session)),
        )
        mail = inbox.mail
        if mail is None or run.control.drain_requested:
            await self._release(run, counted=False)
            return
        turn = TurnId(mail.message_id)
        match mail.kind:
            case MailKind.TEXT:
                await self._answer(run, turn, mail, inbox, snapshot)
            case MailKind.TOPIC:
                await self._end(run, turn, topic_switched(run.lease.session, mail))
            case MailKind.CLEAR:
                nonce = self._nonce()
                await self._repeated(
                    run, lambda: self._work.clear(run.lease, turn=turn, nonce=nonce)
                )
                await self._release(run, counted=False)
            case MailKind.ANSWER:
                await self._fail(run, turn, NO_QUESTION)

    async def _answer(
        self, run: Run, turn: TurnId, mail: Mail, inbox: Inbox, snapshot: Snapshot
    ) -> None:
        if not snapshot.has_finished(turn):
            begun = await self._begin(run, turn, snapshot)
            if begun.exhausted:
                await self._fail(run, turn, EXHAUSTED)
                return
            try:
                async with asyncio.timeout(self._timeout) as limit:
                    given = await self._input(run, mail, inbox.topic, snapshot)
                    snapshot = await self._attempt(run, turn, begun.attempt, given, snapshot)
            except TimeoutError:
                if not limit.expired():  # one of the graph's own
                    raise
                await self._fail(run, turn, TIMED_OUT)
                return
        if snapshot.has_finished(turn):
            answer = snapshot.answer_to(turn)
            ending = answered(run.lease, turn, answer, checkpoint=snapshot.checkpoint)
            await self._end(run, turn, ending)
        else:
            await self._fail(run, turn, ASKED)

    async def _input(
        self, run: Run, mail: Mail, topic: str, snapshot: Snapshot
    ) -> dict[str, object]:
        session = run.lease.session
        before: tuple[Said, ...] = ()
        if not snapshot.exists:
            turn = TurnId(mail.message_id)
            before = await self._repeated(run, lambda: remembered(self._log, session, before=turn))
        return self._agent.given(mail, session=session, topic=topic, before=before, now=snapshot)

    async def _attempt(
        self, run: Run, turn: TurnId, attempt: int, given: object, snapshot: Snapshot
    ) -> Snapshot:
        """Run the graph to its end or to a question; the newest state."""

        async def send(piece: Piece) -> None:
            await self._send(run, turn, attempt, piece)

        transcript = Transcript(_base(snapshot, turn))
        async with DeltaStream(transcript, send) as deltas:
            async for part in self._agent.stream(run, turn=turn, given=given):
                if isinstance(part, Wrote):
                    deltas.say(part.message_id, part.text)
                else:
                    snapshot = part
                    deltas.settle(part.answer_to(turn).text)
        return snapshot

    async def _send(self, run: Run, turn: TurnId, attempt: int, piece: Piece) -> None:
        def delta() -> Awaitable[str]:
            return self._work.delta(
                run.lease, turn=turn, attempt=attempt, offset=piece.offset, text=piece.text
            )

        try:
            await self._repeated(run, delta)
        except StaleToken:
            run.lose()

    async def _begin(self, run: Run, turn: TurnId, snapshot: Snapshot) -> Begun:
        nonce, base = self._nonce(), _base(snapshot, turn)
        with run.in_doubt():
            begun = await self._repeated(
                run,
                lambda: self._work.begin(
                    run.lease, turn=turn, base=base, checkpoint=snapshot.checkpoint, nonce=nonce
                ),
            )
            run.adopt(begun.token)
        return begun

    async def _fail(self, run: Run, turn: TurnId, message: str) -> None:
        _log.warning("turn failed", session=run.lease.session, turn=turn, told=message)
        await self._end(run, turn, failed(run.lease, turn, message))

    async def _end(self, run: Run, turn: TurnId, ending: Ending) -> None:
        """Commit, and give the session back with it: its next item is anybody's."""
        with run.in_doubt():
            await self._repeated(
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

    async def _release(self, run: Run, *, counted: bool) -> None:
        """Give the session back. If Redis is away at the end, the lease expires by itself."""
        with run.in_doubt():
            try:
                await self._repeated(run, lambda: self._work.release(run.lease, counted=counted))
            except (StaleToken, Unavailable) as error:
                _log.info("not released", session=run.lease.session, reason=str(error))

    async def _repeated(self, run: Run, call: Callable[[], Awaitable[Reply]]) -> Reply:
        return await until_answered(call, is_over=lambda: run.is_over)


def _base(snapshot: Snapshot, turn: TurnId) -> str:
    """What the checkpoint already has of the turn's answer: nodes that ended do not write again."""
    return snapshot.answer_to(turn).text if snapshot.run_id == turn else ""


async def _together(first: Awaitable[Inbox], second: Awaitable[Snapshot]) -> tuple[Inbox, Snapshot]:
    """Both at once, in one round trip; both have ended when this returns or raises."""
    results = await asyncio.gather(first, second, return_exceptions=True)
    match results:
        case [BaseException() as error, _] | [_, BaseException() as error]:
            raise error
        case [Inbox() as inbox, Snapshot() as snapshot]:
            return inbox, snapshot
    raise AssertionError(results)
