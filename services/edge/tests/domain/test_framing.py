from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

from parley_edge.domain.framing import WINDOW_BITS, compressed_frame, text_frame

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])


@given(size=SIZES)
def test_a_client_reads_back_what_was_framed(size: int) -> None:
    client = Protocol(CLIENT, state=State.OPEN)
    payload = b"x" * size

    client.receive_data(text_frame(payload))

    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, payload)


@given(payloads=st.lists(st.text(max_size=300), max_size=5), size=SIZES)
def test_a_client_reads_back_what_was_deflated(payloads: list[str], size: int) -> None:
    client = Protocol(CLIENT, state=State.OPEN)
    client.extensions = [
        PerMessageDeflate(
            remote_no_context_takeover=True,
            local_no_context_takeover=True,
            remote_max_window_bits=WINDOW_BITS,
            local_max_window_bits=15,
        )
    ]
    sent = [payload.encode() for payload in payloads] + [b"x" * size]

    client.receive_data(b"".join(compressed_frame(payload) for payload in sent))

    frames = client.events_received()
    assert [bytes(frame.data) for frame in frames if isinstance(frame, Frame)] == sent
