"""What clients send, beside another implementation of the same standard."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from parley_edge.domain import inbound
from parley_edge.domain.inbound import Control, Fault, FaultCode, Inbound, Message, close_code
from parley_testing.raw_socket import client_frame as frame

LIMIT = 130
_CONTROL = {Opcode.PING, Opcode.PONG, Opcode.CLOSE}
_OPCODES = [*map(int, Opcode), 0x3, 0xB]
_payloads = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"\x03\xe8", b"\x03\xe8bye", b"\x03\xed", b"\x0b\xb8", b"\x03", b"\xff\xff"]),
    st.integers(100, 140).map(bytes),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """One frame: mostly one that a client may send, sometimes broken."""
    first = draw(st.sampled_from(_OPCODES)) | draw(st.sampled_from([0x80, 0x80, 0x80, 0]))
    if draw(st.integers(0, 9)) == 0:
        first |= draw(st.sampled_from([0x40, 0x20, 0x10]))
    payload = draw(_payloads)
    is_masked = draw(st.integers(0, 9)) != 0
    return frame(first, payload, is_masked=is_masked)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` as the network may bring it."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def theirs(data: bytes) -> tuple[list[Message], int | None]:
    """What the other implementation makes of it: messages, and the code that it fails with."""
    peer = Protocol(Side.SERVER, state=OPEN, max_size=LIMIT)
    peer.receive_data(data)
    messages: list[Message] = []
    parts: list[bytes] = []
    kind = Opcode.TEXT
    for event in peer.events_received():
        assert isinstance(event, Frame)
        if event.opcode in _CONTROL:
            messages.append(Control(inbound.Opcode(event.opcode), bytes(event.data)))
            continue
        kind = event.opcode if event.opcode is not Opcode.CONT else kind
        parts.append(bytes(event.data))
        if event.fin:
            whole, parts = b"".join(parts), []
            try:
                messages.append(whole.decode() if kind is Opcode.TEXT else whole)
            except UnicodeDecodeError:
                # It leaves that to its user.
                return messages, FaultCode.NOT_UTF8
    failed = peer.parser_exc is not None and peer.close_sent
    return messages, peer.close_sent.code if failed and peer.close_sent else None


def closes_in_a_message(messages: list[Message], expected: list[Message]) -> bool:
    """The other refuses a close before a message's last fragment, which section 5.4 allows."""
    if not messages:
        return False
    *before, last = messages
    return isinstance(last, Control) and last.opcode is inbound.Opcode.CLOSE and before == expected


def ours(chunks: list[bytes], **options: bool) -> tuple[list[Message], Fault | None]:
    stream = Inbound(limit=LIMIT, **options)
    messages: list[Message] = []
    for chunk in chunks:
        messages += stream.feed(chunk)
        if stream.fault or stream.is_closed:
            break
    return messages, stream.fault


@given(st.lists(frames(), max_size=6).map(b"".join), st.lists(st.integers(0, 400), max_size=4))
@example(frame(0x88, b"") + frame(0x81, b"late"), [])
@example(frame(0x01, b"") + frame(0x88, b""), [])
def test_a_stream_is_read_as_another_implementation_reads_it(
    data: bytes, places: list[int]
) -> None:
    """A frame that breaks two rules may be refused for either."""
    messages, fault = ours(cut(data, places))

    expected, code = theirs(data)
    if closes_in_a_message(messages, expected):
        assert fault is None
        assert code == FaultCode.PROTOCOL
        return
    assert messages == expected
    assert (fault is None) == (code is None)
    assert fault is None or fault.code == code or FaultCode.PROTOCOL in {fault.code, code}


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_noise_is_read_as_another_implementation_reads_it(data: bytes, places: list[int]) -> None:
    messages, fault = ours(cut(data, places))

    expected, code = theirs(data)
    assert messages == expected or closes_in_a_message(messages, expected)
    # It may still wait for the end of a frame whose beginning is wrong.
    assert code is None or fault is not None


@given(st.text(max_size=90).filter(lambda text: len(text.encode()) <= LIMIT))
def test_a_deflated_text_is_inflated(text: str) -> None:
    deflater = PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=15,
        local_max_window_bits=15,
    )
    sent = Frame(Opcode.TEXT, text.encode()).serialize(mask=True, extensions=[deflater])

    messages, fault = ours([sent], inflates=True)

    assert messages == [text]
    assert fault is None


def test_a_small_frame_that_inflates_beyond_the_limit_is_too_large() -> None:
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)

    _, fault = ours([frame(0xC1, bomb[:-4][:125])], inflates=True)

    assert fault is not None
    assert fault.code is FaultCode.TOO_LARGE


def test_what_cannot_be_inflated_is_a_broken_rule() -> None:
    _, fault = ours([frame(0xC1, b"\xff\xff\xff")], inflates=True)

    assert fault is not None
    assert fault.code is FaultCode.PROTOCOL


def test_a_large_message_may_come_byte_by_byte_and_costs_no_more_than_its_bytes() -> None:
    stream = Inbound(limit=1_000_000)
    sent = b"\x81\xff" + (600_000).to_bytes(8, "big") + bytes(4) + b"x" * 600_000

    began = time.process_time()
    found = [message for at in range(len(sent)) for message in stream.feed(sent[at : at + 1])]
    spent = time.process_time() - began

    assert found == ["x" * 600_000]
    # Copying what waits for each byte would take half a minute.
    assert spent < 4


def test_a_message_in_tiny_fragments_takes_no_more_memory_than_its_bytes() -> None:
    stream = Inbound(limit=1_000_000)
    stream.feed(frame(0x01, b""))
    fragments = frame(0x00, b"x") * 1_000 + frame(0x00, b"") * 1_000

    tracemalloc.start()
    for _ in range(50):
        stream.feed(fragments)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert stream.fault is None
    assert held < 100_000


def test_a_message_in_pieces_is_held_to_the_limit_as_a_whole() -> None:
    piece = frame(0x01, bytes(70))

    _, fault = ours([piece, frame(0x80, bytes(70))])

    assert fault == Fault(FaultCode.TOO_LARGE, "over size limit (130 bytes)")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(0x81, b"\xff"), FaultCode.NOT_UTF8),
        (frame(0x88, b"\x03\xe8\xff"), FaultCode.NOT_UTF8),
        (frame(0x88, b"\x03"), FaultCode.PROTOCOL),
        (frame(0x88, b"\x03\xed"), FaultCode.PROTOCOL),
        (frame(0x80, b"no beginning"), FaultCode.PROTOCOL),
        (frame(0x01, b"no end") + frame(0x81, b"but another"), FaultCode.PROTOCOL),
        (frame(0x09, b"a ping in pieces"), FaultCode.PROTOCOL),
        (frame(0x89, bytes(126)), FaultCode.PROTOCOL),
        (frame(0x81, b"not masked", is_masked=False), FaultCode.PROTOCOL),
        (frame(0xC1, b"not agreed"), FaultCode.PROTOCOL),
        (frame(0xA1, b"not known"), FaultCode.PROTOCOL),
        (frame(0x83, b"not known"), FaultCode.PROTOCOL),
        (frame(0x82, bytes(131)), FaultCode.TOO_LARGE),
    ],
)
def test_each_broken_rule_has_its_code(sent: bytes, code: FaultCode) -> None:
    _, fault = ours([sent])

    assert fault is not None
    assert fault.code is code


@pytest.mark.parametrize(("payload", "code"), [(b"", 1005), (b"\x03\xe8ok", 1000)])
def test_a_close_frame_says_its_code(payload: bytes, code: int) -> None:
    assert close_code(payload) == code
