"""The SDK against real services, through a network that breaks."""

from __future__ import annotations

import asyncio
import itertools
import signal
from contextlib import AsyncExitStack
from typing import Any

import pytest

import parley
from parley.bench.checker import check
from parley.connection import Way
from parley_core.domain import server_frames as wire
from parley_core.domain.codes import ErrorCode
from parley_testing.devices import Device, connected, server_of, snapshot_of
from parley_testing.ports import free_port
from parley_testing.proxy import TcpProxy


async def test_a_stream_over_cut_connections_is_the_same_as_over_a_whole_one(
    stack: Any, user: str
) -> None:
    async with (
        TcpProxy(stack.port) as proxy,
        connected(stack.url, user=user, name="whole") as whole,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user, name="cut") as cut,
    ):
        for number in range(20):
            sending = asyncio.create_task((cut, whole)[number % 2].session.send(f"say {number}"))
            if number % 5 == 0:
                await asyncio.sleep(0)
                proxy.drop_connections()
            await sending
        await whole.until_seq(40)
        await cut.until_seq(40)

    connections = {entry.connection for entry in cut.recorder.record().entries}
    assert len(connections) > 3
    assert whole.log == cut.log
    assert [seq for seq, _ in whole.log] == list(range(1, 41))
    assert check([whole.recorder.record(), cut.recorder.record()]) == []


async def test_a_text_whose_ack_was_lost_is_acknowledged_where_it_first_was(
    stack: Any, user: str
) -> None:
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
    ):
        proxy.swallow_replies(match=lambda chunk: b'"ack"' in chunk)
        sending = asyncio.create_task(device.session.send("hello", message_id="mine"))
        async with connected(stack.url, user=user, name="two") as other:
            await other.until(
                lambda: bool(other.events) and bool(other.log or snapshot_of(other).frames)
            )
        proxy.drop_connections()
        ack = await sending
        await device.until_seq(2)
        frames, has_more = await device.session.history()

    assert ack == wire.Ack(message_id="mine", seq=1)
    assert next(frame.message_id for frame in frames if isinstance(frame, wire.Text)) == "mine"
    assert (len(frames), has_more) == (2, False)
    assert parley.State.WAITING in [status.state for status in device.statuses]


async def test_pieces_of_an_answer_come_before_it_and_join_to_its_beginning(
    stack: Any, user: str
) -> None:
    async with connected(stack.url, user=user) as device:
        await device.session.send("Tell me what you remember.")
        await device.until_seq(2)

    pieces = [event.text for event in device.events if isinstance(event, wire.Delta)]
    answer = device.events[-1] if isinstance(device.events[-1], wire.Text) else device.events[-2]
    assert isinstance(answer, wire.Text)
    assert pieces
    assert answer.content.startswith("".join(pieces))


async def test_a_drained_edge_hands_its_clients_to_another_one(stack: Any, user: str) -> None:
    async with AsyncExitStack() as opened:
        for number in itertools.count():
            connection = connected(stack.url, user=f"{user}-{number}")
            device = await opened.enter_async_context(connection)
            if server_of(device) == "process-0":
                break
        await device.session.send("before")
        stack.edges[0].signal(signal.SIGTERM)
        await stack.edges[0].wait_exit()
        await device.session.send("after")
        await device.until_seq(4)

    states = [status.state for status in device.statuses]
    assert states == [parley.State.CONNECTING, parley.State.LIVE, parley.State.LIVE]
    assert [seq for seq, _ in device.log] == [1, 2, 3, 4]
    assert check([device.recorder.record()]) == []


async def test_a_device_that_missed_nothing_is_told_so_without_an_event(
    stack: Any, user: str
) -> None:
    async with connected(stack.url, user=user) as device:
        await device.session.send("hello")
        await device.until_seq(2)
        device.session.drop()
        await device.session.send("again")
        await device.until_seq(4)

    snapshots = [event for event in device.events if isinstance(event, parley.Snapshot)]
    assert [snapshot.gap for snapshot in snapshots] == [False]
    assert [seq for seq, _ in device.log] == [1, 2, 3, 4]


async def test_a_second_device_begins_with_what_was_said(stack: Any, user: str) -> None:
    async with connected(stack.url, user=user) as device:
        await device.session.send("hello")
        await device.until_seq(2)
        async with connected(stack.url, user=user, name="two") as other:
            await other.until(lambda: bool(other.events))

    snapshot = snapshot_of(other)
    assert (snapshot.position.seq, len(snapshot.frames), snapshot.gap) == (2, 2, False)


async def test_the_topic_is_a_log_frame_and_a_clear_begins_a_new_epoch(
    stack: Any, user: str
) -> None:
    async with connected(stack.url, user=user) as device:
        await device.session.switch_topic("winter")
        await device.until_seq(1)
        before = device.session.position
        await device.session.clear()
        await device.until(lambda: device.events[-1] != device.events[0] and cleared(device))
        after = device.session.position
        await device.session.send("hello")
        await device.until_seq(3)

    assert before is not None
    assert after is not None
    assert (after.seq, after.epoch != before.epoch) == (1, True)
    assert check([device.recorder.record()]) == []


def cleared(device: Device) -> bool:
    return any(isinstance(event, wire.System) and event.cleared is True for event in device.events)


async def test_sessions_are_made_listed_and_switched_in_one_stream(stack: Any, user: str) -> None:
    async with connected(stack.url, user=user) as device:
        first = device.session.session_id
        await device.session.send("hello")
        await device.until_seq(2)
        second = await device.session.new_session()
        listed = await device.session.sessions()
        await device.session.send("hello there")
        await device.session.switch_session(first)

    snapshots = [event for event in device.events if isinstance(event, parley.Snapshot)]
    assert [snapshot.session_id for snapshot in snapshots] == [first, second, first]
    assert not any(snapshot.gap for snapshot in snapshots)
    assert {entry.session_id for entry in listed} == {first, second}
    assert [entry.session_id for entry in listed if entry.current] == [second]


async def test_what_the_server_would_not_take_is_refused_before_it_is_sent(
    stack: Any, user: str
) -> None:
    async with connected(stack.url, user=user) as device:
        for content in ("", " \n", "x" * 10_001, "a\0b", "\ud800"):
            with pytest.raises(parley.Refused) as refused:
                await device.session.send(content)
            assert refused.value.code is ErrorCode.INVALID_MESSAGE

    sent = [entry for entry in device.recorder.record().entries if entry.way is Way.SENT]
    assert len(sent) == 1


async def test_somebody_elses_session_is_refused_for_good(stack: Any, user: str) -> None:
    async with connected(stack.url, user=user) as device:
        session = device.session.session_id

    with pytest.raises(parley.Refused) as refused:
        async with parley.connect(
            stack.url, user_id=f"{user}-2", device_id="one", session_id=session
        ):
            pass

    assert refused.value.code is ErrorCode.FORBIDDEN


async def test_concurrent_texts_are_each_acknowledged_under_a_place_of_their_own(
    stack: Any, user: str
) -> None:
    async with connected(stack.url, user=user) as device:
        sending = [device.session.send(f"message {number}") for number in range(10)]
        acks = await asyncio.gather(*sending)
        await device.until_seq(20)

    assert len({ack.seq for ack in acks}) == 10
    assert check([device.recorder.record()]) == []


async def test_nobody_listening_is_an_error_after_the_patience() -> None:
    statuses: list[parley.Status] = []
    session = parley.connect(
        f"ws://127.0.0.1:{free_port()}",
        user_id="ada",
        device_id="one",
        on_status=statuses.append,
        patience=0.5,
    )

    with pytest.raises(parley.Lost, match="no server was reached"):
        async with session:
            pass

    delays = [status.delay for status in statuses if status.state is parley.State.WAITING]
    assert len(delays) >= 2
    assert all(delay <= 0.1 * 2**number for number, delay in enumerate(delays))


async def test_a_stream_ends_when_its_session_is_closed(stack: Any, user: str) -> None:
    async with parley.connect(stack.url, user_id=user, device_id="one") as session:
        pass

    events = [event async for event in session]

    assert [type(event) for event in events] == [parley.Snapshot]
    with pytest.raises(parley.Ended):
        await session.send("too late")


def test_message_ids_are_all_different() -> None:
    assert len(set(itertools.islice(iter(parley.new_id, ""), 1000))) == 1000
