"""Whether what a saver kept is what LangGraph's in-memory saver has of the same conversations.

Ids of checkpoints differ from run to run; a checkpoint's twin is the one of the same step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from parley_testing.savers.contenders import Saver


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint's content: values, the writes after it, and where in which run it was made."""

    values: dict[str, Any]
    writes: list[tuple[str, Any]]
    source: str
    run_id: str


Kepts = dict[str, dict[int, Kept]]
"""By thread and step."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many checkpoints were read back, and the first ones that differ from their twins.

    `values`: how many have the right channel values; `equal`: how many are right in everything.
    """

    kept: int
    values: int
    equal: int
    differences: tuple[str, ...]


async def kept(saver: Saver, threads: list[str]) -> Kepts:
    """Everything that the saver has of the threads."""
    result: Kepts = {}
    for thread in threads:
        config: Any = {"configurable": {"thread_id": thread}}
        result[thread] = {}
        async for found in saver.alist(config):
            result[thread][found.metadata["step"]] = _content(found)
    return result


def compare(ours: Kepts, reference: Kepts) -> Comparison:
    """Each of `ours` with its twin; of each thread that was read the newest must be there."""
    pairs = [
        (f"{thread}, step {step}", content, reference[thread].get(step))
        for thread, steps in ours.items()
        for step, content in steps.items()
    ]
    wrong = [f"{where}: {_difference(one, twin)}" for where, one, twin in pairs if one != twin]
    missing = [
        f"{thread}: its newest checkpoint is not there"
        for thread, steps in ours.items()
        if max(reference[thread]) not in steps
    ]
    return Comparison(
        kept=len(pairs),
        values=sum(twin is not None and one.values == twin.values for _, one, twin in pairs),
        equal=len(pairs) - len(wrong),
        differences=tuple((missing + wrong)[:3]),
    )


def _content(found: CheckpointTuple) -> Kept:
    return Kept(
        values=found.checkpoint["channel_values"],
        writes=[(channel, value) for _, channel, value in found.pending_writes or ()],
        source=found.metadata["source"],
        run_id=found.metadata.get("run_id", ""),
    )


def _difference(one: Kept, twin: Kept | None) -> str:
    if twin is None:
        return "there is no such step"
    if one.run_id != twin.run_id:
        return f"run {one.run_id!r} and not {twin.run_id!r}"
    if one.writes != twin.writes:
        return f"writes {_short(one.writes)} and not {_short(twin.writes)}"
    names = [
        name
        for name in sorted(one.values.keys() | twin.values.keys())
        if one.values.get(name) != twin.values.get(name)
    ]
    return f"other values of {', '.join(names) or 'channels that are absent'}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."
