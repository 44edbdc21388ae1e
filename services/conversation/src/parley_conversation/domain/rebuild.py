"""The messages of a conversation from its log, when its checkpoint is gone."""

from __future__ import annotations

from collections.abc import Iterable

from parley_conversation.domain.closing import SILENCE
from parley_conversation.domain.hearing import as_said, is_aside
from parley_conversation.domain.said import Role, Said
from parley_core.domain import server_frames
from parley_core.domain.ids import TurnId


def rebuilt(
    frames: Iterable[server_frames.AnyServerFrame], *, before: TurnId, named: bool = False
) -> tuple[Said, ...]:
    """What was said before the turn `before`, turn by turn: an input, then its answer.

    The log may hold q1 q2 a1 a2, and the agent saw q1 a1 q2 a2. Inputs without an answer are left
    out: they still wait, or their turn failed or was rolled back. What was not for the agent stands
    before the input that came after it. Ids are the log's; `named`: with who said it.
    """
    inputs: dict[str, server_frames.Text] = {}
    asides: list[server_frames.Text] = []
    messages: list[Said] = []
    for frame in frames:
        if not isinstance(frame, server_frames.Text) or frame.message_id == before:
            continue
        if is_aside(frame):
            asides.append(frame)
        elif frame.role == Role.USER:
            inputs[frame.message_id] = frame
        elif isinstance(frame.turn_id, str) and (asked := inputs.pop(frame.turn_id, None)):
            heard = [each for each in asides if _seq(each) < _seq(asked)]
            asides = asides[len(heard) :]
            messages += [as_said(each, named=named) for each in (*heard, asked)]
            messages.append(Said(Role.ASSISTANT, frame.message_id, frame.content or SILENCE))
    return tuple(messages)


def _seq(frame: server_frames.Text) -> int:
    return frame.seq if isinstance(frame.seq, int) else 0
