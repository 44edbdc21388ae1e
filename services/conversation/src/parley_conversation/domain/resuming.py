"""How a turn that asked goes on: which answers its graph is given, or what it still asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from parley_conversation.domain.shown import as_json


class Question(NamedTuple):
    """One question that waits in the checkpoint; each has an interrupt of its own."""

    interrupt_id: str
    value: Any

    @property
    def shown(self) -> msgspec.Raw:
        """What it asks with, as JSON."""
        return msgspec.Raw(as_json(self.value))


def answers_for(questions: Iterable[Question], answers: Mapping[str, str]) -> dict[str, Any]:
    """What the graph is resumed with: the answers, as JSON, to what it still asks."""
    return {
        each.interrupt_id: msgspec.json.decode(answers[each.interrupt_id])
        for each in questions
        if each.interrupt_id in answers
    }
