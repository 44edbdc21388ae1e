from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.rebuild import rebuilt
from parley_conversation.domain.said import Role, Said
from parley_core.domain.codes import ErrorCode
from parley_core.domain.ids import TurnId
from parley_core.domain.server_frames import AnyServerFrame, Error, System, Text

NOW = TurnId("now")


def asked(name: str) -> Text:
    return Text(message_id=name, session_id="s", role="user", content=f"ask {name}")


def answered(name: str) -> Text:
    return Text(
        message_id=f"a-{name}", session_id="s", role="assistant", content="yes", turn_id=name
    )


def failed(name: str) -> Error:
    return Error(code=ErrorCode.TURN_FAILED, message="no", message_id=f"a-{name}", turn_id=name)


def turn(name: str) -> list[Said]:
    return [Said(Role.USER, name, f"ask {name}"), Said(Role.ASSISTANT, f"a-{name}", "yes")]


def test_inputs_that_came_before_an_answer_are_put_before_their_own() -> None:
    frames = [asked("q1"), asked("q2"), answered("q1"), answered("q2")]

    assert rebuilt(frames, before=NOW) == (*turn("q1"), *turn("q2"))


@given(st.lists(st.sampled_from(["done", "failed", "open", "topic"]), max_size=8), st.data())
def test_only_answered_turns_are_rebuilt_whatever_came_in_between(
    kinds: list[str], data: st.DataObject
) -> None:
    inputs = [asked(f"q{index}") for index, kind in enumerate(kinds) if kind != "topic"]
    frames: list[AnyServerFrame] = list(inputs)
    place = 0
    for index, kind in enumerate(kinds):
        name = f"q{index}"
        first = next((at + 1 for at, each in enumerate(frames) if _is_input(each, name)), 0)
        place = data.draw(st.integers(max(first, place), len(frames)))
        ends: dict[str, AnyServerFrame] = {
            "done": answered(name),
            "failed": failed(name),
            "topic": System(topic=name),
        }
        if kind in ends:
            frames.insert(place, ends[kind])
            place += 1

    messages = rebuilt(frames, before=NOW)

    done = [f"q{index}" for index, kind in enumerate(kinds) if kind == "done"]
    assert list(messages) == [said for name in done for said in turn(name)]


def test_the_input_that_runs_now_is_not_among_what_was_said() -> None:
    assert rebuilt([asked(NOW), answered(NOW)], before=NOW) == ()


def test_an_answer_whose_input_is_no_longer_in_the_log_is_left_out() -> None:
    assert rebuilt([answered("q1"), asked("q2"), answered("q2")], before=NOW) == tuple(turn("q2"))


def _is_input(frame: AnyServerFrame, name: str) -> bool:
    return isinstance(frame, Text) and frame.message_id == name


def test_what_was_not_for_the_agent_stands_before_the_input_that_came_after_it() -> None:
    frames: list[AnyServerFrame] = [
        Text(message_id="s1", session_id="s", role="user", content="psst", addressed=False, seq=1),
        Text(message_id="q1", session_id="s", role="user", content="ask q1", seq=2),
        Text(message_id="s2", session_id="s", role="user", content="psst", addressed=False, seq=3),
        answered("q1"),
        Text(message_id="q2", session_id="s", role="user", content="ask q2", seq=5),
        answered("q2"),
        Text(message_id="s3", session_id="s", role="user", content="psst", addressed=False, seq=7),
    ]

    ids = [said.id for said in rebuilt(frames, before=NOW)]

    assert ids == ["s1", "q1", "a-q1", "s2", "q2", "a-q2"]
