"""What people said to each other, for an agent that answers only when it is addressed.

Such a text is in the log and no turn's input. The next turn is given those since the input of the
last turn that was answered: one that failed, was stopped or taken back may have forgotten them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from parley_conversation.domain.said import Role, Said
from parley_core.domain import server_frames

_ANSWERED = {"stop", "length"}
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_NAME = 64
"""Characters of a name that every provider takes."""


def overheard(frames: Iterable[server_frames.AnyServerFrame]) -> tuple[Said, ...]:
    """The texts that were not for the agent, from the log before a turn's input, oldest first."""
    texts = [frame for frame in frames if isinstance(frame, server_frames.Text)]
    answered = {frame.turn_id for frame in texts if frame.finish in _ANSWERED}
    places = [place for place, frame in enumerate(texts) if frame.message_id in answered]
    since = texts[places[-1] + 1 :] if places else texts
    return tuple(as_said(frame) for frame in since if is_aside(frame))


def is_aside(frame: server_frames.Text) -> bool:
    """Whether it was not for the agent."""
    return frame.addressed is False


def as_said(frame: server_frames.Text, *, named: bool = True) -> Said:
    """A user's text; `named`: with who said it."""
    user = frame.user_id if named and isinstance(frame.user_id, str) else ""
    return Said(Role.USER, frame.message_id, frame.content, user)


def speaker(user: str) -> str:
    """A user's id as a name that providers take: unlike any other's, and as it is if it can be."""
    name = _NOT_IN_A_NAME.sub("_", user)[:_NAME]
    if name == user:
        return name
    mark = blake2b(user.encode(), digest_size=4).hexdigest()
    return f"{name[: _NAME - len(mark) - 1]}-{mark}"
