from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.events import Online, Whereabouts
from parley_core.domain.ids import ConnectionId, DeviceId, UserId
from parley_core.domain.presence import (
    BEAT,
    GRACE,
    LIFE,
    LONGEST_LOOK,
    LOOK,
    ProcessState,
    UserState,
    presence_entry,
    process_state,
    stamp,
    user_state,
)

moments = st.integers(min_value=0, max_value=4_000_000_000_000)


def test_somebody_whose_process_died_is_offline_within_fifteen_seconds() -> None:
    slack = 0.5

    assert LIFE + LOOK + GRACE + slack < 15


def test_a_process_may_miss_two_beats() -> None:
    assert LIFE > 3 * BEAT


def test_who_looks_in_time_is_never_taken_for_an_outage() -> None:
    assert LONGEST_LOOK > 2 * LOOK


@given(connections=st.integers(min_value=1, max_value=20), due=st.none() | moments, now=moments)
def test_a_user_with_a_connection_is_online_whatever_is_due(
    connections: int, due: int | None, now: int
) -> None:
    assert user_state(connections=connections, due=due, now=now) is UserState.ONLINE


@given(due=moments, now=moments)
def test_a_user_without_a_connection_leaves_until_the_moment_that_is_due(
    due: int, now: int
) -> None:
    state = user_state(connections=0, due=due, now=now)

    assert state is (UserState.LEAVING if now < due else UserState.OFFLINE)


def test_a_user_who_never_was_here_is_offline() -> None:
    assert user_state(connections=0, due=None, now=5) is UserState.OFFLINE


@given(score=st.integers(min_value=1), now=st.integers(min_value=1))
def test_a_process_is_alive_before_its_time_and_overdue_from_then_on(score: int, now: int) -> None:
    state = process_state(score, now=now)

    assert state is (ProcessState.ALIVE if now < score else ProcessState.OVERDUE)


@given(now=moments)
def test_a_process_is_condemned_at_zero_and_reaped_below(now: int) -> None:
    assert process_state(0, now=now) is ProcessState.CONDEMNED
    assert process_state(-1, now=now) is ProcessState.REAPED


@given(ms=moments)
def test_a_stamp_reads_back_as_the_same_moment(ms: int) -> None:
    read = datetime.fromisoformat(stamp(ms))

    assert read.tzinfo == UTC
    assert round(read.timestamp() * 1000) == ms


def test_a_stamp_has_three_digits_of_milliseconds() -> None:
    assert stamp(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"


def test_an_entry_names_each_device_once() -> None:
    phone, desk = DeviceId("phone"), DeviceId("desk")
    tabs = [
        Online(ConnectionId(f"c{n}"), device, "edge/1", 1)
        for n, device in enumerate([phone, desk, phone])
    ]

    entry = presence_entry(
        Whereabouts(UserId("ann"), online=True, connections=tuple(tabs), last_seen=1_000)
    )

    assert entry.devices == ["desk", "phone"]
    assert (entry.state, entry.last_seen) == ("online", "1970-01-01T00:00:01.000Z")


def test_an_entry_of_somebody_never_seen_says_so() -> None:
    entry = presence_entry(Whereabouts(UserId("eve"), online=False, connections=(), last_seen=None))

    assert (entry.state, entry.devices, entry.last_seen) == ("offline", [], None)
