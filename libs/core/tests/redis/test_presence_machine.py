"""Presence and processes beside a plain model, in any order of calls and of passing time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.domain.presence import GRACE, LIFE, LONGEST_LOOK
from parley_core.redis.client import RedisClient
from parley_core.redis.clock import redis_time
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.presence import RedisPresenceBoard
from parley_core.redis.processes import RedisProcesses
from parley_testing.ageing import let_pass

T = TypeVar("T")

# Few of each, so that calls often meet.
USERS = tuple(map(UserId, ("ann", "bob")))
PROCESSES = tuple(map(ProcessId, ("edge/1", "edge/2")))
INFO = ProcessInfo(kind="edge", started=1.0)

users = st.sampled_from(USERS)
processes = st.sampled_from(PROCESSES)
devices = st.sampled_from([DeviceId("phone"), DeviceId("desk")])
# Even seconds: no sum of them comes near the odd grace time, so milliseconds that pass for real
# decide nothing. A life is even; its end counts as over.
pauses = st.sampled_from((2, 4))


@dataclass
class Model:
    """What should be so, in seconds that the test lets pass."""

    now: int = 0
    connections: dict[UserId, dict[str, tuple[ProcessId, DeviceId]]] = field(
        default_factory=lambda: {user: {} for user in USERS}
    )
    due: dict[UserId, int] = field(default_factory=dict)
    announced: set[UserId] = field(default_factory=set)
    lives: dict[ProcessId, int] = field(default_factory=dict)
    reaped: set[ProcessId] = field(default_factory=set)
    looked: int | None = None

    def is_online(self, user: UserId) -> bool:
        return bool(self.connections[user]) or self.now < self.due.get(user, -1)

    def end(self, user: UserId, connection: str) -> None:
        if self.connections[user].pop(connection, None) is not None:
            if not self.connections[user]:
                self.due[user] = self.now + round(GRACE)
        elif not self.connections[user] and user in self.announced:
            self.due.setdefault(user, self.now + round(GRACE))

    def announce(self, user: UserId) -> bool:
        is_online = self.is_online(user)
        is_news = is_online is not (user in self.announced)
        (self.announced.add if is_online else self.announced.discard)(user)
        if not is_online:
            self.due.pop(user, None)
        return is_news

    def beat(self, process: ProcessId) -> bool:
        was_reaped = process in self.reaped
        self.reaped.discard(process)
        self.lives[process] = self.now + round(LIFE)
        return was_reaped

    def overdue(self) -> set[ProcessId]:
        if self.looked is None or self.now - self.looked > LONGEST_LOOK:
            self.lives = dict.fromkeys(self.lives, self.now + round(LIFE))
        self.looked = self.now
        return {process for process, ends in self.lives.items() if ends <= self.now}

    def reap(self, process: ProcessId) -> int:
        self.lives.pop(process, None)
        self.reaped.add(process)
        taken = [
            (user, connection)
            for user, held in self.connections.items()
            for connection, (holder, _) in held.items()
            if holder == process
        ]
        for user, connection in taken:
            self.end(user, connection)
        return len(taken)


class PresenceMachine(RuleBasedStateMachine):
    """Each rule does the same to Redis and to the model, and compares what they say."""

    url: str
    prefix: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.client = RedisClient(self.url, name="machine")
        self.keys = Keys(f"{self.prefix}-{secrets.token_hex(4)}")
        self.run(self.client.start())
        self.connections = {
            process: RedisConnections(self.client, self.keys, process=process)
            for process in PROCESSES
        }
        self.processes = RedisProcesses(self.client, self.keys)
        self.board = RedisPresenceBoard(self.client, self.keys)
        self.model = Model()
        self.began = self.run(redis_time(self.client))

    def run(self, step: Awaitable[T]) -> T:
        async def taken() -> T:
            return await step

        return self.runner.run(taken())

    def teardown(self) -> None:
        self.run(self.client.aclose())
        self.runner.close()

    @rule(user=users, device=devices, process=processes)
    def a_connection_is_registered(
        self, user: UserId, device: DeviceId, process: ProcessId
    ) -> None:
        connection = f"{process} {device}"
        self.model.connections[user].setdefault(connection, (process, device))
        self.run(
            self.connections[process].enter(
                user, device=device, connection=ConnectionId(connection)
            )
        )

    @rule(user=users, device=devices, process=processes)
    def a_connection_ends(self, user: UserId, device: DeviceId, process: ProcessId) -> None:
        connection = f"{process} {device}"
        self.model.end(user, connection)
        self.run(self.connections[process].leave(user, connection=ConnectionId(connection)))

    @rule(seconds=pauses)
    def time_passes(self, seconds: int) -> None:
        self.model.now += seconds
        self.run(let_pass(seconds, client=self.client, keys=self.keys))

    @rule(user=users)
    def a_hint_arrives(self, user: UserId) -> None:
        found = self.run(self.board.announce(user))
        assert (found is not None) is self.model.announce(user)

    @rule()
    def those_who_stay_away_are_called_offline(self) -> None:
        gone = self.run(self.board.offline(self.run(self.board.due())))
        over = {user for user, due in self.model.due.items() if due <= self.model.now}
        back = {user for user in over if self.model.connections[user]}
        assert set(gone) == over - back
        for user in back:
            del self.model.due[user]
        for user in gone:
            told = self.run(self.board.announce(user))
            assert (told is not None) is self.model.announce(user)

    @rule(process=processes)
    def a_process_beats(self, process: ProcessId) -> None:
        assert self.run(self.processes.beat(process, INFO)) is self.model.beat(process)

    @rule()
    def the_dead_are_reaped(self) -> None:
        overdue = set(self.run(self.processes.dead()))
        assert overdue == self.model.overdue()
        for process in overdue:
            taken = self.run(self.processes.reap(process, if_overdue=True))
            assert taken == self.model.reap(process)

    @rule(process=processes)
    def an_operator_reaps(self, process: ProcessId) -> None:
        assert self.run(self.processes.reap(process)) == self.model.reap(process)

    @invariant()
    def whoever_asks_is_told_the_truth(self) -> None:
        any_edge = self.connections[PROCESSES[0]]
        for found in self.run(any_edge.whereabouts(USERS)):
            assert found.online is self.model.is_online(found.user)
            assert {
                online.connection: (online.process, online.device) for online in found.connections
            } == self.model.connections[found.user]

    @invariant()
    def the_living_are_the_ones_that_beat(self) -> None:
        alive = {process for process, ends in self.model.lives.items() if ends > self.model.now}
        assert set(self.run(self.processes.alive())) == alive

    @invariant()
    def the_test_is_faster_than_its_clock(self) -> None:
        assert self.run(redis_time(self.client)) - self.began < 900


@pytest.mark.usefixtures("any_redis_client")  # it deletes what begins with the prefix
def test_presence_is_as_the_model_says_whatever_happens(any_redis_url: str, prefix: str) -> None:
    class Machine(PresenceMachine):
        pass

    Machine.url, Machine.prefix = any_redis_url, prefix
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
