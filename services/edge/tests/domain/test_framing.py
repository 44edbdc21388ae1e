from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

from parley_edge.domain.framing import text_frame

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])


@given(size=SIZES)
def test_a_client_reads_back_what_was_framed(size: int) -> None:
    client = Protocol(CLIENT, state=State.OPEN)
    payload = b"x" * size

    client.receive_data(text_frame(payload))

    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, payload)
