from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

from parley_edge.domain.handshake import acceptance, opening

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
_NAMES = st.sampled_from([b"host", b"origin", b"user-agent", b"x-forwarded-for", b"cookie"])
_VALUES = st.binary(max_size=20).map(lambda value: bytes(set(value) - set(b"\r\n\0")))


def request(*extra: tuple[bytes, bytes], target: bytes = b"/ws", key: bytes = KEY) -> bytes:
    headers = [
        (b"host", b"x"),
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", key),
        *extra,
    ]
    lines = [b"GET " + target + b" HTTP/1.1", *(b": ".join(header) for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


@given(st.binary(min_size=16, max_size=16))
def test_every_key_is_accepted_as_another_implementation_accepts_it(nonce: bytes) -> None:
    key = b64encode(nonce)
    server = ServerProtocol()
    headers = Headers({"Upgrade": "websocket", "Connection": "Upgrade"})
    headers["Sec-WebSocket-Version"], headers["Sec-WebSocket-Key"] = "13", key.decode()
    expected = server.accept(Request("/ws", headers)).headers["Sec-WebSocket-Accept"]

    asked = opening(request(key=key))

    assert asked is not None
    assert f"Sec-WebSocket-Accept: {expected}\r\n".encode() in acceptance(asked.key, [])


@given(st.dictionaries(_NAMES.filter(lambda name: name != b"host"), _VALUES, max_size=4))
def test_headers_are_taken_as_they_are(extra: dict[bytes, bytes]) -> None:
    asked = opening(request(*extra.items(), target=b"/ws?resume=1"))

    assert asked is not None
    assert asked.target == b"/ws?resume=1"
    assert dict(asked.headers).items() >= {(n, v.strip()) for n, v in extra.items()}


def test_subprotocols_and_extensions_that_are_offered_are_seen() -> None:
    asked = opening(
        request(
            (b"sec-websocket-protocol", b"parley.v1, other"),
            (b"sec-websocket-extensions", b"permessage-deflate"),
        )
    )

    assert asked is not None
    assert asked.subprotocols == ["parley.v1", "other"]
    assert asked.offers_extensions


@pytest.mark.parametrize(
    "data",
    [
        request(key=b"short"),
        request(key=b"!!!!!!!!!!!!!!!!!!!!!!=="),
        request().replace(b"sec-websocket-version: 13", b"sec-websocket-version: 8"),
        request().replace(b"sec-websocket-key", b"sec-websocket-lock"),
        request((b"sec-websocket-key", KEY)),
        request() + b"more",
        request(target=b"/w s"),
        b"",
    ],
)
def test_what_is_unusual_is_left_to_others(data: bytes) -> None:
    assert opening(data) is None


def test_the_answer_has_the_headers_that_it_is_given() -> None:
    answer = acceptance(KEY, [(b"Sec-WebSocket-Protocol", b"parley.v1")])

    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nSec-WebSocket-Protocol: parley.v1\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
