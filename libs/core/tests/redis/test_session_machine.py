"""The session store beside its model: any calls in any order, repeats and late repeats included."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from parley_core.domain import limits
from parley_core.domain.client_frames import Strategy
from parley_core.domain.events import Mail, MailKind, TurnStatus
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    MessageId,
    ProcessId,
    Seq,
    SessionId,
    UserId,
)
from parley_testing.fork_rules import ForkRules
from parley_testing.group_rules import GroupRules
from parley_testing.notice_rules import NoticeRules
from parley_testing.session_draws import (
    NONSENSE,
    NOWHERE,
    Draw,
    a_lease,
    a_position,
    a_session,
    a_turn,
)
from parley_testing.session_store import ANN, OTHER_WORKER, PHONE, WORKER
from parley_testing.session_twins import BOB, ENDS, SessionTwins, next_piece

KEPT, BURST = 6, 12
WORKERS = (WORKER, OTHER_WORKER)
DEVICES = (PHONE, DeviceId("desk"))
TABS = (ConnectionId("tab-1"), ConnectionId("tab-2"))
CHECKPOINTS = ("", "k1", "k2")
RARE = ("evicted", "bucket", "bucket", "barred", "lost", "expired")
STRATEGIES = (*[Strategy.ENQUEUE] * 4, *Strategy)

draws = st.data()
workers = st.sampled_from(WORKERS)
users = st.sampled_from([ANN, ANN, BOB])
numbers = st.integers(0, 12)
messages = st.integers(1, 9).map(lambda number: MessageId(f"m {number}"))
texts = st.text('aß😀\n"\\', min_size=1, max_size=5)
checkpoints = st.sampled_from(CHECKPOINTS)
interrupts = st.sampled_from(["i1", "i2", "i3"])
answers = st.sampled_from([b"", b"", b'"x"', b'{"a":[1]}'])
endings = st.sampled_from([TurnStatus.DONE, TurnStatus.DONE, TurnStatus.FAILED])
with_leases = precondition(lambda self: self.model.leases)
with_past = precondition(lambda self: self.twins.past)


class SessionMachine(ForkRules, GroupRules, NoticeRules, RuleBasedStateMachine):
    """Each rule is one call with whatever arguments, or a few that belong together."""

    url: str
    prefix: str

    def __init__(self) -> None:
        super().__init__()
        prefix = f"{self.prefix}-{secrets.token_hex(4)}"
        self.twins = SessionTwins(self.url, prefix, kept=KEPT, burst=BURST)
        self.model, self.store = self.twins.model, self.twins.store

    def teardown(self) -> None:
        self.twins.close()

    @invariant()
    def redis_and_the_model_are_the_same(self) -> None:
        self.twins.compare()

    # An edge's calls:

    @initialize()
    def somebody_begins(self) -> None:
        self.twins.open()
        session = next(iter(self.model.sessions))
        self.twins.append(session, Mail(MailKind.TEXT, MessageId("m 1"), ANN, PHONE, "hi"))

    @rule(draw=draws, tab=st.sampled_from(TABS), how=st.sampled_from(["current", "new", "named"]))
    def open(self, draw: Draw, tab: ConnectionId, how: str) -> None:
        known = [*self.model.sessions, NOWHERE, NONSENSE]
        named = draw.draw(st.sampled_from(known)) if how == "named" else None
        found = self.model.living(named or self.model.current or NOWHERE)
        position = a_position(draw, found)
        self.twins.open(tab, named=named, is_new=how == "new", position=position)

    @rule(draw=draws, message=messages, content=texts, is_urgent=st.booleans())
    def somebody_says_something(
        self, draw: Draw, message: MessageId, content: str, *, is_urgent: bool
    ) -> None:
        strategy = Strategy.INTERRUPT if is_urgent else Strategy.ENQUEUE
        mail = Mail(MailKind.TEXT, message, ANN, PHONE, content, strategy=strategy)
        self.twins.append(a_session(draw, self.model), mail)

    @rule(
        draw=draws,
        message=messages,
        kind=st.sampled_from(MailKind),
        user=users,
        after=st.none() | numbers,
    )
    def append(
        self, draw: Draw, message: MessageId, kind: MailKind, user: UserId, after: int | None
    ) -> None:
        strategy, value = draw.draw(st.sampled_from(STRATEGIES)), draw.draw(answers)
        content = draw.draw(st.sampled_from(["hi", "hi @Agent!"]))
        interrupt = draw.draw(interrupts) if kind is MailKind.ANSWER else ""
        mail = Mail(
            *(kind, message, user, PHONE, content),
            interrupt_id=interrupt,
            strategy=strategy,
            after=after,
        )
        value = value or (b'"x"' if kind is MailKind.ANSWER else b"")
        self.twins.append(a_session(draw, self.model), mail, value=value)

    @precondition(lambda self: self.asking())
    @rule(draw=draws, message=messages, interrupt=interrupts, plain=st.booleans())
    def somebody_answers(
        self, draw: Draw, message: MessageId, interrupt: str, *, plain: bool
    ) -> None:
        kind = MailKind.TEXT if plain else MailKind.ANSWER
        mail = Mail(kind, message, ANN, PHONE, "yes", interrupt_id="" if plain else interrupt)
        session = draw.draw(st.sampled_from(self.asking()))
        self.twins.append(session, mail, value=b'"yes"')

    def asking(self) -> list[SessionId]:
        return [each.id for each in self.model.sessions.values() if each.turn and each.turn.asks]

    @rule(draw=draws, before=st.none() | numbers.map(Seq), limit=st.integers(1, 5))
    def look(self, draw: Draw, before: Seq | None, limit: int) -> None:
        session, edge, real = a_session(draw, self.model), self.twins.edge, self.store.conversations
        user = draw.draw(users)
        self.twins.attach(session, user, a_position(draw, self.model.living(session)))
        self.twins.same(
            lambda: edge.history(session, before=before, limit=limit, user=user),
            lambda: real.history(session, before=before, limit=limit, user=user),
        )
        self.twins.same(edge.sessions, lambda: real.sessions(ANN, archived=True))
        self.twins.same(
            lambda: edge.glance(session, [user, ANN]),
            lambda: real.glance({session: [user, ANN]}),
        )

    @rule(draw=draws, user=users, named=st.booleans())
    def cancel(self, draw: Draw, user: UserId, *, named: bool) -> None:
        session = a_session(draw, self.model)
        turn = a_turn(draw, self.model.sessions.get(session)) if named else None
        self.twins.same(
            lambda: self.twins.edge.cancel(session, user=user, turn=turn),
            lambda: self.store.conversations.cancel(session, user=user, turn=turn),
        )

    @rule(draw=draws, user=users, device=st.sampled_from(DEVICES), seq=numbers.map(Seq))
    def see_and_touch(self, draw: Draw, user: UserId, device: DeviceId, seq: Seq) -> None:
        session = a_session(draw, self.model)
        self.twins.same(
            lambda: self.twins.edge.seen(session, user=user, device=device, seq=seq),
            lambda: self.store.conversations.seen(session, user=user, device=device, seq=seq),
        )
        self.twins.same(lambda: None, lambda: self.store.conversations.touch(session, user=user))

    # A worker's calls:

    @rule(by=workers, room=st.integers(1, 3), silent=st.sampled_from([False, False, True]))
    def claim(self, by: ProcessId, room: int, *, silent: bool) -> None:
        self.twins.claim(by, room=room, after_silence=silent)

    @precondition(lambda self: any(found.mail for found in self.model.sessions.values()))
    @rule(draw=draws, by=workers, checkpoint=checkpoints, end=st.sampled_from(ENDS))
    def a_worker_takes_what_there_is(
        self, draw: Draw, by: ProcessId, checkpoint: str, end: str
    ) -> None:
        base, text = draw.draw(st.just("") | texts), draw.draw(texts)
        self.twins.run_turns(by, base=base, checkpoint=checkpoint, text=text, end=end)

    @with_leases
    @rule(draw=draws, by=workers)
    def look_and_renew(self, draw: Draw, by: ProcessId) -> None:
        lease = a_lease(draw, self.model)
        self.twins.work("inbox", lease, by=by)
        self.twins.work("renew", lease, by=by)

    @with_leases
    @rule(draw=draws, counted=st.booleans())
    def release(self, draw: Draw, *, counted: bool) -> None:
        self.twins.work("release", a_lease(draw, self.model), counted=counted)

    @with_leases
    @rule(draw=draws, by=workers, base=st.just("") | texts, checkpoint=checkpoints)
    def begin(self, draw: Draw, by: ProcessId, base: str, checkpoint: str) -> None:
        lease = a_lease(draw, self.model)
        turn, nonce = a_turn(draw, self.model.sessions.get(lease.session)), self.twins.nonce()
        what: dict[str, Any] = {"base": base, "checkpoint": checkpoint, "nonce": nonce}
        self.twins.work("begin", lease, by=by, turn=turn, **what)

    @with_leases
    @rule(draw=draws, text=texts, off=st.sampled_from([0, 0, 0, -1, 1]))
    def delta(self, draw: Draw, text: str, off: int) -> None:
        lease = a_lease(draw, self.model)
        if found := self.model.sessions.get(lease.session):
            self.twins.work("delta", lease, **next_piece(found, text, off=off))

    @with_leases
    @rule(
        draw=draws,
        status=endings,
        checkpoint=checkpoints,
        topic=st.sampled_from([None, None, "fish", ""]),
        release=st.booleans(),
    )
    def commit(
        self, draw: Draw, status: TurnStatus, checkpoint: str, topic: str | None, *, release: bool
    ) -> None:
        lease = a_lease(draw, self.model)
        turn = a_turn(draw, self.model.sessions.get(lease.session))
        how = {"checkpoint": checkpoint, "topic": topic, "release": release}
        self.twins.commit(lease, turn, status, **how)

    @with_leases
    @rule(draw=draws)
    def wait(self, draw: Draw) -> None:
        lease = a_lease(draw, self.model)
        turn = a_turn(draw, self.model.sessions.get(lease.session))
        asked = draw.draw(st.lists(interrupts, min_size=1, unique=True))
        self.twins.ask(lease, turn, tuple(asked))

    @with_leases
    @rule(draw=draws)
    def say(self, draw: Draw) -> None:
        lease = a_lease(draw, self.model)
        self.twins.work("say", lease, type="turn", frame=b'{"type":"turn","node":"n"}')

    @with_leases
    @rule(draw=draws)
    def clear(self, draw: Draw) -> None:
        lease = a_lease(draw, self.model)
        turn, nonce = a_turn(draw, self.model.sessions.get(lease.session)), self.twins.nonce()
        self.twins.work("clear", lease, turn=turn, nonce=nonce)

    # What comes by itself:

    @with_past
    @rule()
    def the_last_call_comes_again(self) -> None:
        self.twins.past[-1]()

    @with_past
    @rule(draw=draws)
    def a_call_comes_again_late(self, draw: Draw) -> None:
        draw.draw(st.sampled_from(self.twins.past[1:]))()

    @with_leases
    @rule(draw=draws)
    def a_lease_expires(self, draw: Draw) -> None:
        self.twins.let_lease_expire(draw.draw(st.sampled_from([*self.model.leases])))

    @precondition(lambda self: self.model.resting)
    @rule()
    def the_tired_have_rested(self) -> None:
        self.twins.let_rest()

    @rule(draw=draws, how=st.sampled_from(RARE))
    def something_rare_happens(self, draw: Draw, how: str) -> None:
        match how:
            case "evicted":
                self.twins.evict(draw.draw(workers))
            case "barred":
                self.twins.bar_or_unbar(draw.draw(workers))
            case "bucket":
                self.twins.fill_the_buckets()
            case _:
                self.twins.expire(a_session(draw, self.model), wholly=how == "expired")


def run(url: str, prefix: str, *, examples: int, steps: int) -> None:
    class Machine(SessionMachine):
        pass

    Machine.url, Machine.prefix = url, prefix
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a short run meets."""
    bounds = {"MAILBOX": 4, "REMEMBERED": 6, "PAGE": 400, "SNAPSHOT": 3, "FORKS": 1_000}
    bounds |= {"NOTICES": 3, "MEMBERS": 1}
    for name, value in bounds.items():
        monkeypatch.setattr(limits, name, value)
    monkeypatch.setattr(limits, "NOTICE_RATE", 1e-6)


@pytest.mark.usefixtures("any_redis_client", "small_limits")  # the client deletes what is left
def test_the_store_is_as_the_model_says_whatever_happens(any_redis_url: str, prefix: str) -> None:
    run(any_redis_url, prefix, examples=40, steps=30)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("any_redis_client", "small_limits")
def test_the_store_is_as_the_model_says_in_long_runs(any_redis_url: str, prefix: str) -> None:
    run(any_redis_url, prefix, examples=200, steps=60)
