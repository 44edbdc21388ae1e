"""The judge of a journal: did a node run again that had no need to?

Pure. A node of a turn may run again only if its process was killed or frozen while it ran. It did
not run any more, it was *finished*, if the saver held what it wrote at the moment from which its
process could write no more; or if its end stands in the journal `settled` seconds or longer before
that moment, for then it must have been held. A node whose end was written and whose writes were
still on their way counts as running. A drained process leaves nothing running behind.

A frozen process does not know that it lost its leases. When it goes on it may begin the next nodes
of its turns before it hears of that, for `UNAWARE` at most; nothing that those write is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from parley_testing.journal import NodeRun
from parley_testing.steps import NODES, name_of

SETTLED = 0.5
"""Seconds in which what a node wrote must have reached Redis, where workers are not overloaded."""
UNAWARE = 3.0
"""Seconds; a lease is renewed each 1.5 s."""
BETWEEN = "between nodes"


class Kind(StrEnum):
    """What was done to a worker."""

    KILL = "kill"
    FREEZE = "freeze"
    DRAIN = "drain"


@dataclass(slots=True)
class Fault:
    """A worker that was struck. Times are Redis's, in seconds.

    `turns`: the sessions and turns that it had in hand, and `tokens` the leases of those. `stored`:
    names of nodes that the saver held of each of those sessions when the process could write no
    more. `thawed`: when a frozen one went on; by then others have all its leases.
    """

    kind: Kind
    process: str
    at: float
    turns: set[tuple[str, str]] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    stored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    thawed: float | None = None


def judge(
    runs: Sequence[NodeRun], faults: Sequence[Fault], *, settled: float = SETTLED
) -> list[str]:
    """Everything that ran again and should not have, in words."""
    of_node: dict[tuple[str, str, str], list[NodeRun]] = defaultdict(list)
    late = unaware(runs, faults)
    found = [
        f"{_where(run)} began {after:.1f} s after its process was thawed, without a lease"
        for run, after in late
        if after > UNAWARE
    ]
    ignored = {id(run) for run, _ in late}
    for run in runs:
        if id(run) not in ignored:
            of_node[(*run.of, run.node)].append(run)
    for repeats in of_node.values():
        for earlier, later in pairwise(repeats):
            wrong = _wrong(earlier, faults, settled=settled)
            if wrong is not None:
                found.append(f"{_where(earlier)} ran again in {later.process}: {wrong}")
    return found


def unaware(runs: Iterable[NodeRun], faults: Iterable[Fault]) -> list[tuple[NodeRun, float]]:
    """Runs that a thawed process began under leases that it had no more; seconds after."""
    thaws = {
        (fault.process, token): fault.thawed
        for fault in faults
        if fault.thawed is not None
        for token in fault.tokens
    }
    begun = ((run, run.began - thaws.get((run.process, run.token), run.began)) for run in runs)
    return [(run, after) for run, after in begun if after > 0]


def _wrong(earlier: NodeRun, faults: Iterable[Fault], *, settled: float) -> str | None:
    """Why nobody had to run this again; None if somebody had."""
    struck = [
        each for each in faults if each.process == earlier.process and each.at > earlier.began
    ]
    if not struck:
        return "nothing had happened to its process"
    fault = min(struck, key=lambda each: each.at)
    if fault.kind is Kind.DRAIN:
        return "its process was drained"
    if name_of(earlier.turn, earlier.node) in fault.stored.get(earlier.session, ()):
        return f"what it wrote was stored before the {fault.kind}"
    if earlier.ended is not None and fault.at - earlier.ended > settled:
        return f"it had ended {fault.at - earlier.ended:.1f} s before the {fault.kind}"
    return None


def _where(run: NodeRun) -> str:
    return f"{run.node} of turn {run.turn} in {run.process}"


def incomplete(answers: Mapping[str, str]) -> list[str]:
    """Answers, by turn, that do not name each node once: the state was not whole."""
    wanted = sorted(NODES)
    return [
        f"turn {turn} was answered {answer!r}"
        for turn, answer in answers.items()
        if sorted(answer.split()) != wanted
    ]


def hits(runs: Sequence[NodeRun], faults: Iterable[Fault]) -> Counter[tuple[Kind, str]]:
    """How many turns were struck by which fault at which node; one in two branches counts in each.

    The total of struck turns is that of `Fault.turns`.
    """
    counted: Counter[tuple[Kind, str]] = Counter()
    of_process: dict[str, list[NodeRun]] = defaultdict(list)
    for run in runs:
        of_process[run.process].append(run)
    for fault in faults:
        for turn in fault.turns:
            counted.update(_struck_at(turn, fault, of_process[fault.process]))
    return counted


def _struck_at(
    turn: tuple[str, str], fault: Fault, runs: Iterable[NodeRun]
) -> Iterator[tuple[Kind, str]]:
    nodes = [run.node for run in runs if run.of == turn and run.is_running(fault.at)]
    for node in nodes or [BETWEEN]:
        yield fault.kind, node
