from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq
from parley_core.domain.live import LiveFrame, pack, unpack

words = st.text(st.characters(codec="ascii", categories=("L", "N", "Pd")), min_size=1)
# What the border lets in as a message id: anything printable, spaces included.
message_ids = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=64)

frames = st.builds(
    LiveFrame,
    is_log=st.booleans(),
    type=words,
    epoch=words.map(Epoch),
    seq=st.integers(min_value=0, max_value=2**53).map(Seq),
    origin=words.map(ConnectionId),
    id=message_ids.map(MessageId),
    body=st.binary(),
)


@given(frames)
def test_what_is_packed_is_unpacked(frame: LiveFrame) -> None:
    assert unpack(pack(frame)) == frame


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"log:text e 1 -\n{}", b"log:text e one - m\n{}", b"log:text e 1 - \xff\n{}"],
    ids=["nothing", "no header", "no id", "a seq that is none", "not UTF-8"],
)
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(data)
