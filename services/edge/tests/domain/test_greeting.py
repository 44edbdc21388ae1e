from __future__ import annotations

import json
from typing import Any

import pytest

from parley_core.domain.client_frames import Position
from parley_core.domain.events import Attachment, Event, LiveTurn, Top, TurnStatus
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq, SessionId, TurnId
from parley_core.domain.server_frames import encode
from parley_edge.domain.greeting import Server, greeting, health

SERVER = Server("edge-1", 30_000)
EVENT = Event(Seq(1), MessageId("m1"), "text", ConnectionId("-"), b'{"type":"text","seq":1}')


def page(*, proved: bool, turn: LiveTurn | None = None) -> Attachment:
    top = Top(Epoch("e1"), Seq(1), MessageId("m1"))
    return Attachment(top=top, proved=proved, events=(EVENT,), more=True, turn=turn, unanswered=0)


def greet(attachment: Attachment, **kwargs: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"existed": True, "resumed_from": None, "plain": False} | kwargs
    frame = greeting(SessionId("00aa"), attachment, server=SERVER, now="now", **given)
    return dict(json.loads(encode(frame)))


def test_the_greeting_says_where_the_session_and_the_server_are() -> None:
    frame = greet(page(proved=False), existed=False)

    assert frame == {
        "type": "system",
        "session_id": "00aa",
        "recovered": False,
        "epoch": "e1",
        "seq": 1,
        "id": "m1",
        "server_id": "edge-1",
        "server_time": "now",
        "protocol": 1,
        "heartbeat_interval_ms": 30_000,
    }


RESUME = Position("e1", 0)


@pytest.mark.parametrize(
    ("existed", "resume", "proved", "recovered", "has_history"),
    [
        (False, None, False, False, False),
        (True, None, False, True, True),
        (True, RESUME, True, True, False),
        (True, RESUME, False, False, True),
        (False, RESUME, False, False, True),
    ],
)
def test_recovered_and_history_follow_the_protocol(
    *, existed: bool, resume: Position | None, proved: bool, recovered: bool, has_history: bool
) -> None:
    frame = greet(page(proved=proved), existed=existed, resumed_from=resume)

    assert frame["recovered"] is recovered
    assert ("history" in frame, "has_more" in frame) == (has_history, has_history)
    if has_history:
        assert frame["history"] == [{"type": "text", "seq": 1}]


def test_the_live_turn_is_named() -> None:
    turn = LiveTurn(TurnId("t1"), 2, TurnStatus.RUNNING, "so far")

    frame = greet(page(proved=False, turn=turn))

    assert frame["turn"] == {"type": "turn", "turn_id": "t1", "attempt": 2, "status": "running"}


def test_health_names_no_session() -> None:
    frame = json.loads(encode(health(SERVER, now="now")))

    assert frame["status"] == "ok"
    assert "session_id" not in frame
