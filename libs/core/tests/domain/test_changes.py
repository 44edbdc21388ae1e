from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.changes import Dropped, RolesChanged, read_change
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq, UserId
from parley_core.domain.live import LiveFrame, pack, unpack
from parley_core.domain.members import Role

ANN, BOB = UserId("ann"), UserId("bob")
CHANGES = [b'members\n{"ann":"viewer","bob":""}', b"dropped\n{}"]


def test_it_says_who_is_what_now_and_who_is_out() -> None:
    assert read_change(CHANGES[0]) == RolesChanged({ANN: Role.VIEWER, BOB: None})
    assert read_change(CHANGES[1]) == Dropped()


@pytest.mark.parametrize("data", [b"members\n[]", b'members\n{"ann":"king"}', b"members\n"])
def test_one_that_cannot_be_read_is_an_error_and_no_silence(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_change(data)


@pytest.mark.parametrize("data", CHANGES)
def test_an_edge_that_does_not_know_it_shows_it_to_nobody(data: bytes) -> None:
    with pytest.raises(ValueError, match="unpack"):
        unpack(data)


@given(st.booleans(), st.binary())
def test_a_frame_is_none(is_log: bool, body: bytes) -> None:  # noqa: FBT001
    frame = LiveFrame(
        is_log, "members", Epoch("1-a"), Seq(1), ConnectionId("-"), MessageId("m"), body
    )

    assert read_change(pack(frame)) is None
