"""An edge keeps to RFC 6455, whatever its peers keep to."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from parley_testing.raw_socket import RawSocket, client_frame

TEXT, CONTINUATION, CLOSE, PING = 0x81, 0x80, 0x88, 0x89
AUTH = json.dumps({"type": "auth", "user_id": "ann", "device_id": "phone"}).encode()


async def answer(socket: RawSocket) -> dict[str, Any]:
    frame = await socket.next()
    assert frame.opcode is Opcode.TEXT
    return dict(json.loads(bytes(frame.data)))


async def test_a_message_in_pieces_is_one_message_and_a_ping_may_stand_between(
    shared_edge: Any,
) -> None:
    async with RawSocket(shared_edge.port) as socket:
        await socket.send(client_frame(0x01, AUTH[:10]))
        await socket.send(client_frame(PING, b"between"))
        pong = await socket.next()
        await socket.send(client_frame(0x00, AUTH[10:20]) + client_frame(0x80, AUTH[20:]))

        system = await answer(socket)

    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"between")
    assert system["type"] == "system"


async def test_a_message_may_come_byte_by_byte(shared_edge: Any) -> None:
    async with RawSocket(shared_edge.port) as socket:
        for byte in client_frame(TEXT, AUTH):
            await socket.send(bytes([byte]))

        assert (await answer(socket))["type"] == "system"


async def test_a_character_may_be_cut_by_a_fragment(shared_edge: Any) -> None:
    auth = AUTH.replace(b"ann", "änn".encode())
    cut = auth.index("ä".encode()) + 1
    async with RawSocket(shared_edge.port) as socket:
        await socket.send(client_frame(0x01, auth[:cut]) + client_frame(0x80, auth[cut:]))

        assert (await answer(socket))["type"] == "system"


async def test_a_close_is_answered_with_its_code_and_ends_the_connection(shared_edge: Any) -> None:
    async with RawSocket(shared_edge.port) as socket:
        await socket.send(client_frame(CLOSE, (4321).to_bytes(2, "big") + b"bye"))

        assert await socket.closed_with() == 4321
        await socket.ended()


async def test_what_stands_before_a_close_is_carried_out_and_what_stands_after_is_not(
    shared_edge: Any,
) -> None:
    heartbeat = client_frame(TEXT, b'{"type":"heartbeat"}')
    async with RawSocket(shared_edge.port) as socket:
        await socket.send(client_frame(TEXT, AUTH))
        await answer(socket)
        await socket.send(heartbeat + client_frame(CLOSE, b"\x03\xe8") + heartbeat)

        assert (await answer(socket))["type"] == "heartbeat"
        assert (await socket.next()).opcode is Opcode.CLOSE
        await socket.ended()


async def test_a_peer_that_closes_its_half_only_is_gone(shared_edge: Any) -> None:
    async with RawSocket(shared_edge.port) as socket:
        await socket.send(client_frame(TEXT, AUTH))
        await answer(socket)

        socket.end_of_input()

        await socket.ended()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (client_frame(TEXT, b"\xff"), 1007),
        (client_frame(TEXT, AUTH, is_masked=False), 1002),
        (client_frame(PING, bytes(126)), 1002),
        (client_frame(0x09, b"in pieces"), 1002),
        (client_frame(CONTINUATION, b"of nothing"), 1002),
        (client_frame(0x83, b"unknown"), 1002),
        (client_frame(0xC1, b"not agreed"), 1002),
        (client_frame(CLOSE, b"\x03"), 1002),
        (client_frame(CLOSE, (1005).to_bytes(2, "big")), 1002),
    ],
)
async def test_a_broken_rule_closes_with_its_code(sent: bytes, code: int, shared_edge: Any) -> None:
    async with RawSocket(shared_edge.port) as socket:
        await socket.send(sent)

        assert await socket.closed_with() == code


async def test_broken_frames_never_take_the_process_down(shared_edge: Any) -> None:
    """200 peers with noise: bytes of every kind, and frames that are almost right."""
    dice = random.Random(20261126)
    async with shared_edge.client() as good:
        await good.auth("good")
        for _ in range(20):
            await asyncio.gather(*(_noise(shared_edge.port, dice) for _ in range(10)))
            await good.quiet()

    assert shared_edge.poll() is None
    assert '"level": "error"' not in shared_edge.log()


async def _noise(port: int, dice: random.Random) -> None:
    async with RawSocket(port) as socket:
        if dice.random() < 0.5:
            await socket.send(client_frame(TEXT, AUTH))
        sent = b"".join(_almost_a_frame(dice) for _ in range(dice.randint(1, 20)))
        try:
            await socket.send(sent[: dice.randint(0, len(sent))])
            await asyncio.wait_for(socket.closed_with(), 0.2)
        except (TimeoutError, ConnectionError):
            pass  # It waits for the rest of a frame, or has closed before all was sent.


def _almost_a_frame(dice: random.Random) -> bytes:
    payload = dice.randbytes(dice.choice([0, 1, 2, 20, 125, 126, 300]))
    if dice.random() < 0.2:
        return payload
    opcode = dice.choice([0, 1, 1, 1, 2, 8, 9, 10, dice.randrange(16)])
    flags = dice.choice([0x80, 0x80, 0x80, 0x00, 0x40, 0xF0])
    return client_frame(flags | opcode, payload, is_masked=dice.random() < 0.9)


async def test_compression_is_agreed_where_it_is_on_and_each_message_stands_for_itself(
    new_edge: Any, agent: Any
) -> None:
    async with (
        new_edge(COMPRESSION="true") as edge,
        connect(edge.url, compression="deflate") as packed,
        edge.client() as plain,
    ):
        await packed.send(AUTH.decode())
        session = json.loads(await packed.recv())["session_id"]
        await plain.auth("ann", "laptop", capabilities=["ack"])
        for number in range(3):
            await plain.text("the same words again and again " * 20, message_id=f"m{number}")
            await plain.receive("ack")
        texts = [json.loads(await packed.recv()) for _ in range(3)]
        await agent.answer_all(session, count=3)
        answers = [json.loads(await packed.recv()) for _ in range(3)]

        assert packed.response is not None
        extensions = packed.response.headers["Sec-WebSocket-Extensions"]
        assert "server_no_context_takeover" in extensions
        assert "client_no_context_takeover" in extensions
    assert [text["seq"] for text in texts] == [1, 2, 3]
    assert [text["content"] for text in answers] == ["answer 0", "answer 1", "answer 2"]


async def test_there_is_no_websocket_elsewhere(shared_edge: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{shared_edge.port}/elsewhere")

    assert refused.value.response.status_code == 403


async def test_no_compression_is_agreed_where_it_is_off(shared_edge: Any) -> None:
    async with connect(shared_edge.url, compression="deflate") as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers
