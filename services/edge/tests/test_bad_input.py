"""The protocol's table of bad input, row by row, and then thousands of rows nobody thought of."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from parley_testing.wire import WireClient

AUTH = {"type": "auth", "user_id": "ann", "device_id": "phone"}
DEEP = "[" * 10_000 + "]" * 10_000

BAD_FIRST = {
    "not JSON": "hello",
    "empty": "",
    "array": "[]",
    "a number": "1",
    "no user": '{"device_id": "phone"}',
    "empty user": '{"user_id": "", "device_id": "phone"}',
    "no device": '{"user_id": "ann"}',
    "long user": json.dumps(AUTH | {"user_id": "a" * 129}),
    "control character in the user": json.dumps(AUTH | {"user_id": "a\nb"}),
    "NUL in the user": json.dumps(AUTH | {"user_id": "a\0"}),
    "lone surrogate in the user": '{"user_id": "\\ud800", "device_id": "phone"}',
    "malformed timestamp": json.dumps(AUTH | {"timestamp": "yesterday"}),
    "nested too deep": f'{{"user_id": {DEEP}, "device_id": "phone"}}',
    "nested too deep in an unknown field": json.dumps(AUTH)[:-1] + f', "extra": {DEEP}}}',
}


@pytest.mark.parametrize("name", BAD_FIRST)
async def test_a_bad_first_frame_is_answered_and_closes(name: str, shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.send_raw(BAD_FIRST[name])

        assert (await client.receive("error"))["code"] == "INVALID_MESSAGE"
        assert await client.closed() == 4501


@pytest.mark.parametrize("type_", ["text", "heartbeat", "command", "nonsense"])
async def test_another_type_before_auth_closes(type_: str, shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.send(type_, content="hi", command="get_history")

        assert (await client.receive("error"))["code"] == "UNAUTHENTICATED"
        assert await client.closed() == 4501


BAD_LATER = {
    "blank text": ({"type": "text", "content": " \n\t"}, "INVALID_MESSAGE"),
    "empty text": ({"type": "text", "content": ""}, "INVALID_MESSAGE"),
    "no content": ({"type": "text"}, "INVALID_MESSAGE"),
    "text too long": ({"type": "text", "content": "x" * 10_001}, "INVALID_MESSAGE"),
    "NUL": ({"type": "text", "content": "a\0b"}, "INVALID_MESSAGE"),
    "long message id": (
        {"type": "text", "content": "hi", "message_id": "m" * 65},
        "INVALID_MESSAGE",
    ),
    "bad timestamp": (
        {"type": "text", "content": "hi", "timestamp": "2026-99-01"},
        "INVALID_MESSAGE",
    ),
    "bad strategy": ({"type": "text", "content": "hi", "strategy": "x"}, "INVALID_MESSAGE"),
    "NUL in an answer": (
        {"type": "answer", "interrupt_id": "i1", "value": "\0"},
        "INVALID_MESSAGE",
    ),
    "a long answer": (
        {"type": "answer", "interrupt_id": "i1", "value": ["x" * 10_000]},
        "INVALID_MESSAGE",
    ),
    "unknown type": ({"type": "nonsense"}, "UNKNOWN_MESSAGE_TYPE"),
    "type that is no string": ({"type": 7}, "INVALID_MESSAGE"),
    "no type": ({"content": "hi"}, "INVALID_MESSAGE"),
    "second auth": (AUTH, "INVALID_MESSAGE"),
    "unknown command": ({"type": "command", "command": "fly"}, "UNKNOWN_COMMAND"),
    "no topic": ({"type": "command", "command": "switch_topic"}, "INVALID_MESSAGE"),
    "no session": ({"type": "command", "command": "switch_session"}, "INVALID_MESSAGE"),
    "session that is none": (
        {"type": "command", "command": "switch_session", "session_id": "zz"},
        "SESSION_NOT_FOUND",
    ),
    "too much history": (
        {"type": "command", "command": "get_history", "limit": 101},
        "INVALID_MESSAGE",
    ),
    "somebody else's presence": (
        {"type": "command", "command": "get_presence", "user_ids": ["bob"]},
        "FORBIDDEN",
    ),
    "cancel": ({"type": "cancel", "turn_id": "nobody"}, "TURN_ENDED"),
    "answer": ({"type": "answer", "interrupt_id": "i1", "value": 1}, "NO_SUCH_INTERRUPT"),
}


@pytest.mark.parametrize("name", BAD_LATER)
async def test_bad_input_is_answered_and_the_connection_goes_on(
    name: str, shared_edge: Any
) -> None:
    frame, code = BAD_LATER[name]
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.send_raw(json.dumps(frame))

        assert (await client.receive("error"))["code"] == code
        await client.quiet()


BAD_BYTES = {
    "lone surrogate": '{"type": "text", "content": "\\ud800"}',
    "nested too deep": DEEP,
    "nested too deep in an unknown field": f'{{"type": "heartbeat", "extra": {DEEP}}}',
}


@pytest.mark.parametrize("name", BAD_BYTES)
async def test_what_cannot_be_read_is_answered(name: str, shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.send_raw(BAD_BYTES[name])

        assert (await client.receive("error"))["code"] == "INVALID_MESSAGE"
        await client.quiet()


@pytest.mark.parametrize("data", ["not JSON", "[]", b'{"type": "heartbeat"}'])
async def test_what_is_no_object_closes_later_too(data: str | bytes, shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.send_raw(data)

        assert (await client.receive("error"))["code"] == "INVALID_MESSAGE"
        assert await client.closed() == 4501


async def test_a_megabyte_is_taken_and_one_byte_more_is_not(shared_edge: Any) -> None:
    frame = '{"type": "heartbeat", "extra": "%s"}'
    room = 1_048_576 - len(frame % "")
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.send_raw(frame % ("x" * room))
        taken = await client.next()
        await client.send_raw(frame % ("x" * (room + 1)))

        assert taken["type"] == "heartbeat"
        assert (await client.receive("error"))["code"] == "MESSAGE_TOO_LARGE"
        assert await client.closed() == 1009


async def test_a_message_too_large_is_answered_while_it_is_still_sent(shared_edge: Any) -> None:
    """Closing at once would reset the socket, and the reset would take the answer along."""
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.send_raw("x" * 20_000_000)

        assert (await client.receive("error"))["code"] == "MESSAGE_TOO_LARGE"
        assert await client.closed() == 1009


async def test_a_fragmented_message_too_large_is_answered_too(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.socket.send(["x" * 700_000, "x" * 700_000])

        assert (await client.receive("error"))["code"] == "MESSAGE_TOO_LARGE"
        assert await client.closed() == 1009


async def test_invalid_utf8_closes_as_rfc_6455_says(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.socket.send(b"\xff\xfe", text=True)

        assert await client.closed() == 1007


async def test_somebody_elses_session_is_forbidden(shared_edge: Any) -> None:
    async with shared_edge.client() as bob:
        theirs = (await bob.auth("bob"))["session_id"]
    async with shared_edge.client() as client:
        await client.auth("ann")
        await client.command("switch_session", session_id=theirs, request_id="r1")
        refused = await client.receive("error")
        await client.quiet()
    async with shared_edge.client() as client:
        await client.send_raw(json.dumps(AUTH | {"session_id": theirs}))

        assert (refused["code"], refused["request_id"]) == ("FORBIDDEN", "r1")
        assert (await client.receive("error"))["code"] == "FORBIDDEN"
        assert await client.closed() == 4503


async def test_a_session_that_is_gone_leaves_the_client_free_to_ask_for_another(
    shared_edge: Any,
) -> None:
    async with shared_edge.client() as client:
        await client.send_raw(json.dumps(AUTH | {"session_id": "00ffffffffffffffff"}))

        assert (await client.receive("error"))["code"] == "SESSION_NOT_FOUND"
        await client.auth("ann")


async def test_a_client_that_was_refused_a_session_may_be_somebody_else(shared_edge: Any) -> None:
    async with shared_edge.client() as client, shared_edge.client() as other:
        theirs = (await other.auth("else"))["session_id"]
        await client.send_raw(json.dumps(AUTH | {"session_id": "00ffffffffffffffff"}))
        await client.receive("error")

        system = await client.auth("else", "tablet")

    assert system["session_id"] == theirs


async def test_an_error_repeats_little_of_the_input(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("ann")

        await client.send_raw(json.dumps({"type": "secret " * 1000}))
        error = await client.receive("error")

    assert len(json.dumps(error)) < 300


async def test_who_does_not_say_who_he_is_must_go(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        async with asyncio.timeout(13):
            error = json.loads(await client.socket.recv())

        assert error["code"] == "UNAUTHENTICATED"
        assert await client.closed() == 4500


async def test_a_user_has_only_so_many_connections(new_edge: Any) -> None:
    async with new_edge(MAX_CONNECTIONS_PER_USER="2") as edge:
        async with edge.client() as one, edge.client() as two, edge.client() as three:
            await one.auth("ann")
            await two.auth("ann")
            await three.send("auth", user_id="ann", device_id="phone")
            code = await three.closed()
        async with edge.client() as again:
            await again.auth("ann")

    assert code == 4502


async def test_a_full_server_says_so_and_closes_4003(new_edge: Any) -> None:
    async with new_edge(MAX_CONNECTIONS="1") as edge, edge.client() as first:
        await first.auth("ann")
        async with edge.client() as second:
            await second.send("auth", user_id="bob", device_id="phone")
            error = await second.receive("error")
            code = await second.closed()
        await first.quiet()
        await first.socket.close()
        async with asyncio.timeout(5):
            while not await comes_in(edge):
                await asyncio.sleep(0.02)

    assert (error["code"], code) == ("UNAVAILABLE", 4003)


async def comes_in(edge: Any) -> bool:
    async with edge.client() as client:
        await client.send("auth", user_id="bob", device_id="phone")
        return bool((await client.next())["type"] == "system")


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["content", "message_id", "command", "request_id", "before", "limit", "topic", "state"]
FIELDS += ["user_id", "device_id", "resume", "capabilities", "seq", "timestamp", "session_id"]
TYPES = ["auth", "text", "heartbeat", "command", "cancel", "answer", "typing", "ack", "x", None]
COMMANDS = ["get_history", "clear_history", "switch_topic", "list_sessions", "new_session"]
ALMOST = st.builds(
    lambda type_, fields, command: json.dumps({"type": type_, "command": command, **fields}),
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    st.sampled_from(COMMANDS) | JSON,
)
ANYTHING = ALMOST | JSON.map(json.dumps) | st.text(max_size=200) | st.binary(max_size=200)


def test_whatever_clients_send_the_others_are_served(shared_edge: Any) -> None:
    """Hypothesis drives its own event loop: the test itself has none."""
    with asyncio.Runner() as runner:

        @settings(
            max_examples=150,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(st.lists(ANYTHING, min_size=20, max_size=40), st.booleans())
        def storm(frames: list[str | bytes], authenticated: bool) -> None:  # noqa: FBT001
            runner.run(_storm(shared_edge, frames, authenticated=authenticated))

        storm()
        runner.run(_served(shared_edge))
    assert '"level": "error"' not in shared_edge.log()


async def _storm(edge: Any, frames: list[str | bytes], *, authenticated: bool) -> None:
    async with edge.client() as good, edge.client() as bad:
        await good.auth("good")
        if authenticated:
            await bad.auth("bad", capabilities=["ack"])
        try:
            for frame in frames:
                await bad.send_raw(frame)
        except ConnectionClosed:
            pass  # One of them closed the connection, as it should.
        await good.quiet()


async def _served(edge: Any) -> None:
    client: WireClient
    async with edge.client() as client:
        await client.auth("good", capabilities=["ack"])
        await client.text("still here?")
        await client.receive("ack")
