"""One item of a session's mailbox, from its lease to its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import structlog
from langgraph.errors import GraphDrained
from langgraph.types import Command

from parley_checkpoint import StaleToken as StaleCheckpoint
from parley_conversation import metrics
from parley_conversation.attempt import AnswerFull
from parley_conversation.attempts import (
    EXHAUSTED,
    Attempts,
    Given,
    Opening,
    TurnFailed,
    begin,
)
from parley_conversation.domain.closing import CANCELLED, TOO_LONG
from parley_conversation.domain.endings import failed, topic_switched
from parley_conversation.domain.inputs import stop_of
from parley_conversation.domain.resuming import answers_for
from parley_conversation.domain.said import Said
from parley_conversation.ending import Ender, Place
from parley_conversation.graph.agent import Agent, Snapshot
from parley_conversation.memory import Log, overheard_before, remembered
from parley_conversation.patience import until_answered
from parley_conversation.run import Run, Stopped
from parley_core.domain.errors import StaleToken, Unavailable
from parley_core.domain.events import Inbox, Mail, MailKind, OpenTurn, Stop
from parley_core.domain.ids import Seq, TurnId
from parley_core.ports import Work

TIMED_OUT = "The agent took too long for this message. Please ask for less at once."
HALTED = "The agent halted at a point where nobody can answer it. Please send something else."
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
        self._ender = Ender(work, agent)
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
            self._repeated(run, lambda: self._agent.snapshot(run.lease.session, run)),
        )
        why = stop_of(inbox)
        if run.control.drain_requested:
            await self._release(run, counted=False)
        elif why and inbox.turn:
            at = _place(inbox, inbox.turn.turn_id, snapshot)
            await self._ender.stopped(run, at, why, written=inbox.turn.text)
        elif inbox.mail is None or inbox.head is None:
            await self._release(run, counted=False)
        else:
            await self._take(run, inbox, inbox.mail, snapshot)

    async def _take(
        self, run: Run, inbox: Inbox, mail: Mail, snapshot: Snapshot | Exception
    ) -> None:
        """Do what the mailbox's head asks."""
        match mail.kind:
            case MailKind.TOPIC:
                ending = topic_switched(run.lease.session, mail)
                await self._ender.commit(run, TurnId(mail.message_id), ending)
            case MailKind.CLEAR:
                await self._clear(run, TurnId(mail.message_id))
            case MailKind.TEXT | MailKind.ANSWER if isinstance(snapshot, Exception):
                await self._fail_unreadable(run, inbox, snapshot)
            case MailKind.TEXT:
                await self._answer(run, inbox, mail, snapshot)
            case MailKind.ANSWER:
                await self._resume(run, inbox, inbox.turn, snapshot)

    async def _clear(self, run: Run, turn: TurnId) -> None:
        nonce = self._nonce()
        await self._repeated(run, lambda: self._work.clear(run.lease, turn=turn, nonce=nonce))
        await self._release(run, counted=False)

    async def _fail_unreadable(self, run: Run, inbox: Inbox, error: Exception) -> None:
        """The state cannot be read, by this release of the graph at least: that counts as well."""
        turn = inbox.head or TurnId("")
        begun = await begin(self._work, run, Opening(turn, "", "", self._nonce()))
        if not begun.exhausted:
            raise error
        await self._ender.commit(run, turn, failed(run.lease, turn, EXHAUSTED))

    async def _answer(self, run: Run, inbox: Inbox, mail: Mail, snapshot: Snapshot) -> None:
        """A message: the same call starts its turn and resumes it in the middle."""

        async def given(now: Snapshot) -> object:
            return await self._input(run, inbox, mail, now)

        turn = TurnId(mail.message_id)
        if snapshot.left and snapshot.run_id not in {"", turn}:
            # An older turn that nobody closed: its open ends would be this one's.
            older = TurnId(snapshot.run_id)
            snapshot = await self._agent.close(
                run, turn=older, how=CANCELLED, content=None, written=""
            )
        await self._run_turn(run, _place(inbox, turn, snapshot), snapshot, given)

    async def _resume(
        self, run: Run, inbox: Inbox, turn: OpenTurn | None, snapshot: Snapshot
    ) -> None:
        """Answers came: the turn that asked goes on with them."""
        at = _place(inbox, inbox.head or TurnId(""), snapshot)

        async def given(_now: Snapshot) -> object:
            questions = await self._agent.questions(run.lease.session)
            told = turn and answers_for(questions, turn.answers)
            return Command(resume=told) if told else None

        if turn and turn.turn_id == at.turn == snapshot.run_id:
            await self._run_turn(run, at, snapshot, given)
        else:
            # The turn was ended meanwhile, or its checkpoint is gone with what it asked.
            await self._ender.failed(run, at, NO_QUESTION)

    async def _input(
        self, run: Run, inbox: Inbox, mail: Mail, snapshot: Snapshot
    ) -> dict[str, object]:
        session, turn = run.lease.session, TurnId(mail.message_id)
        named = inbox.members > 0 or bool(mail.unaddressed)
        before: tuple[Said, ...] = ()
        if not snapshot.exists:
            before = await self._repeated(
                run, lambda: remembered(self._log, session, before=turn, named=named)
            )
        before += await self._overheard(run, mail, snapshot)
        return self._agent.given(
            mail, session=session, topic=inbox.topic, before=before, now=snapshot, named=named
        )

    async def _overheard(self, run: Run, mail: Mail, snapshot: Snapshot) -> tuple[Said, ...]:
        """What was said to others since the agent last answered, and is not in its state yet."""
        if not mail.unaddressed or mail.unaddressed in (known := snapshot.ids):
            return ()
        session, seq = run.lease.session, Seq(mail.seq)
        heard = await self._repeated(run, lambda: overheard_before(self._log, session, seq=seq))
        return tuple(said for said in heard if said.id not in known)

    async def _run_turn(self, run: Run, at: Place, snapshot: Snapshot, given: Given) -> None:
        """From the state that there is to the turn's end, or to its next question."""
        if snapshot.run_id == at.turn and snapshot.closed:
            # Whoever closed it did not come to its commit.
            await self._ender.close(run, at, snapshot.closed)
            return
        attempts = Attempts(self._work, self._agent, run, turn=at.turn, nonce=self._nonce)
        try:
            async with asyncio.timeout(self._timeout) as limit:
                if not snapshot.has_finished(at.turn):
                    async with run.until_stopped():
                        snapshot = await attempts.until_done(snapshot, given)
            await self._end(run, at, snapshot)
        except Stopped:
            why = run.stop or Stop.CANCEL
            await self._ender.stopped(run, at, why, written=attempts.written)
        except AnswerFull:
            await self._ender.close(run, at, TOO_LONG, written=attempts.written)
        except TurnFailed as failure:
            await self._ender.failed(run, at, failure.told, written=attempts.written)
        except TimeoutError:
            if not limit.expired():
                raise
            await self._ender.failed(run, at, TIMED_OUT, written=attempts.written)

    async def _end(self, run: Run, at: Place, snapshot: Snapshot) -> None:
        if snapshot.has_finished(at.turn):
            await self._ender.finished(run, at.turn, snapshot)
            return
        questions = await self._repeated(run, lambda: self._agent.questions(run.lease.session))
        if questions:
            await self._ender.asked(run, at.turn, questions, snapshot)
        else:
            await self._ender.failed(run, at, HALTED)

    async def _release(self, run: Run, *, counted: bool) -> None:
        """Give the session back. If Redis is away at the end, the lease expires by itself."""
        with run.in_doubt():
            try:
                await self._repeated(run, lambda: self._work.release(run.lease, counted=counted))
            except (StaleToken, Unavailable) as error:
                _log.info("not released", session=run.lease.session, reason=str(error))

    async def _repeated(self, run: Run, call: Callable[[], Awaitable[Reply]]) -> Reply:
        return await until_answered(call, is_over=lambda: run.is_over)


def _place(inbox: Inbox, turn: TurnId, snapshot: Snapshot | Exception) -> Place:
    mail, opened = inbox.mail, inbox.turn
    newest = snapshot.checkpoint if isinstance(snapshot, Snapshot) else ""
    is_input = mail is not None and mail.kind is MailKind.TEXT and inbox.head == turn
    return Place(
        turn,
        base=opened.base if opened and opened.turn_id == turn else newest,
        content=mail.content if mail and is_input else None,
    )


async def _together(
    first: Awaitable[Inbox], second: Awaitable[Snapshot]
) -> tuple[Inbox, Snapshot | Exception]:
    """Both at once, in one round trip; both have ended when this returns or raises.

    A state that cannot be read is returned as what says so.
    """
    inbox, snapshot = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(inbox, BaseException):
        raise inbox
    if isinstance(snapshot, (Unavailable, StaleToken)) or not isinstance(
        snapshot, (Snapshot, Exception)
    ):
        raise snapshot
    return inbox, snapshot
