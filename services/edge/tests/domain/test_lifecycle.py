from __future__ import annotations

import pytest

from parley_core.domain.client_frames import (
    AnyClientFrame,
    Auth,
    HealthCheck,
    Heartbeat,
    Text,
    Typing,
)
from parley_edge.domain.lifecycle import Meaning, Phase, advance, meaning

AUTH = Auth(user_id="ann", device_id="phone")
AUTHENTICATED = [Phase.OPENING, Phase.REPLAYING, Phase.LIVE]


def test_auth_opens_a_new_connection_and_only_that() -> None:
    assert meaning(Phase.NEW, AUTH) is Meaning.OPEN
    assert {meaning(phase, AUTH) for phase in AUTHENTICATED} == {Meaning.SECOND_AUTH}


@pytest.mark.parametrize("frame", [Text(content="hi"), Heartbeat(), Typing(state="start")])
def test_nothing_else_is_heard_before_auth(frame: AnyClientFrame) -> None:
    assert meaning(Phase.NEW, frame) is Meaning.TOO_EARLY


@pytest.mark.parametrize("phase", AUTHENTICATED)
def test_texts_wait_their_turn_and_heartbeats_do_not(phase: Phase) -> None:
    assert meaning(phase, Text(content="hi")) is Meaning.QUEUE
    assert meaning(phase, Heartbeat()) is Meaning.HEARTBEAT


def test_health_is_told_to_anybody() -> None:
    assert {meaning(phase, HealthCheck()) for phase in [Phase.NEW, *AUTHENTICATED]} == {
        Meaning.HEALTH
    }


def test_a_closing_connection_hears_nothing() -> None:
    frames: list[AnyClientFrame] = [AUTH, Text(content="hi"), Heartbeat(), HealthCheck()]

    assert {meaning(Phase.CLOSING, frame) for frame in frames} == {Meaning.IGNORE}


def test_every_phase_can_close_and_none_comes_back_from_it() -> None:
    for phase in Phase:
        assert advance(phase, Phase.CLOSING) is Phase.CLOSING
    for phase in set(Phase) - {Phase.CLOSING}:
        with pytest.raises(ValueError, match="closing"):
            advance(Phase.CLOSING, phase)


def test_a_connection_cannot_be_live_before_it_was_replayed() -> None:
    for phase in (Phase.NEW, Phase.OPENING):
        with pytest.raises(ValueError, match="cannot become live"):
            advance(phase, Phase.LIVE)
