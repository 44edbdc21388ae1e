from __future__ import annotations

import pytest

from parley_core.domain.cursor import Cursor
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq
from parley_core.domain.live import NO_ORIGIN, LiveFrame
from parley_edge.domain.standing import Standing, judge

EPOCH = Epoch("1-a")
ASIDE = b'{"type":"text","content":"psst","addressed":false,"seq":2,"timestamp":"t"}'
TEXT = b'{"type":"text","content":"\\",\\"addressed\\":false,","seq":2,"timestamp":"t"}'


@pytest.mark.parametrize(
    ("origin", "body", "unanswered"), [("tab", TEXT, 2), ("tab", ASIDE, 1), (NO_ORIGIN, TEXT, 0)]
)
def test_only_what_is_for_the_agent_waits_for_its_answer(
    origin: str, body: bytes, unanswered: int
) -> None:
    standing = Standing(Cursor(EPOCH, Seq(1), MessageId("m1")), unanswered=1)
    frame = LiveFrame(
        *(True, "text", EPOCH, Seq(2), ConnectionId(origin), MessageId("m2"), body),
    )

    _, after = judge(standing, frame, None)

    assert after.unanswered == unanswered
