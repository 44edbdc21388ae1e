"""What a load went through: the clients' records and the nodes' journal, judged and in figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from parley.bench.absence import absences
from parley.bench.checker import check
from parley.bench.figures import measure
from parley.bench.reading import Attached, Kind, Piece, Place, Reading, read
from parley.bench.record import History
from parley.bench.times import Times, percentile
from parley.bench.violations import Violation
from parley_testing.journal import NodeRun


@dataclass(frozen=True, slots=True)
class Window:
    """A time, in seconds of the clients' clock."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def has(self, at: float) -> bool:
        return self.begin <= at <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A run. Times are in seconds; None of nothing.

    `cut`: turns of which a client was shown text that their answers do not begin with. `repeated`:
    nodes that began more than once in a turn. `moved`: connections after each device's first.
    `unwritten`: answered turns that the journal does not know. `lost_and_told`: acknowledged texts
    that Redis lost, as their senders know.
    """

    violations: Sequence[Violation]
    texts: int
    answered: int
    lost: int
    lost_and_told: int
    doubled: int
    out_of_order: int
    torn: int
    gaps: int
    failed: int
    cut: Sequence[str]
    repeated: Sequence[str]
    unwritten: int
    moved: int
    longest_away: float
    resume_p50: float | None
    resume_p99: float | None
    ack_p50: float | None
    ack_p99: float | None
    texts_in_window: int

    @property
    def harm(self) -> dict[str, int]:
        """What must not be, whatever was done; all zero if all is well."""
        counts = {
            "lost": self.lost,
            "doubled": self.doubled,
            "out of order": self.out_of_order,
            "torn": self.torn,
            "failed": self.failed,
            "unanswered": self.texts - self.answered - self.lost_and_told,
            "unwritten": self.unwritten,
        }
        return {name: count for name, count in counts.items() if count}


def verdict(
    history: History, runs: Sequence[NodeRun], *, window: Window, lost_tail: bool = False
) -> Verdict:
    """`window`: when it was done; acknowledgements are measured in it, of texts said then.

    `lost_tail`: Redis may have lost what it had acknowledged, if it is told.
    """
    violations = check(history, lost_tail=lost_tail)
    figures = measure(history, violations=violations, wall=1.0, client_cpu=0.0)
    readings = [read(record) for record in history]
    times = Times(readings)
    away = [each for record in history for each in absences(record)]
    acks = [
        times.acked[name] - said
        for name, said in times.said.items()
        if window.has(said) and name in times.acked
    ]
    known = {run.turn for run in runs}
    return Verdict(
        violations=violations,
        texts=figures.texts,
        answered=figures.answered,
        lost=figures.lost,
        # Those that nobody told of are violations.
        lost_and_told=figures.texts - figures.answered if lost_tail else 0,
        doubled=figures.doubled,
        out_of_order=figures.out_of_order,
        torn=figures.torn,
        gaps=figures.gaps,
        failed=len(_failed(readings)),
        cut=sorted(set(_cut(readings))),
        repeated=repeated(runs),
        unwritten=len((times.said.keys() & times.ended.keys()) - known - _failed(readings)),
        moved=sum(max(0, _connections(reading) - 1) for reading in readings),
        longest_away=max(away, default=0.0),
        resume_p50=_share(away, 0.5),
        resume_p99=_share(away, 0.99),
        ack_p50=_share(acks, 0.5),
        ack_p99=_share(acks, 0.99),
        texts_in_window=sum(window.has(said) for said in times.said.values()),
    )


def repeated(runs: Iterable[NodeRun]) -> list[str]:
    """Nodes that began more than once in one turn."""
    begun = Counter((run.session, run.turn, run.node) for run in runs)
    return [f"{node} of turn {turn}" for (_, turn, node), times in begun.items() if times > 1]


def went_on(runs: Iterable[NodeRun], *, pod: str, died: float) -> list[float]:
    """Seconds from the death of a pod's process to the next node of each turn that it had in hand.

    Of turns that it ended after all there is none; those that wait for ever are infinite. `died`
    is by the journal's clock. For graphs whose nodes run one after the other.
    """
    of_turn: dict[tuple[str, str], list[NodeRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.began):
        of_turn[run.of].append(run)
    waits = (_waited(turn, pod, died) for turn in of_turn.values())
    return [wait for wait in waits if wait is not None]


def _waited(turn: Sequence[NodeRun], pod: str, died: float) -> float | None:
    """None if the turn was not in the pod's hand."""
    before = [run for run in turn if run.began <= died]
    if (
        not before
        or not before[-1].process.startswith(f"{pod}/")
        or not before[-1].is_running(died)
    ):
        return None
    struck = before[-1]
    elsewhere = [run.began for run in turn if run.began > died and run.process != struck.process]
    if elsewhere:
        return elsewhere[0] - died
    return inf if struck.ended is None else None


def _share(values: Sequence[float], share: float) -> float | None:
    found = percentile((1000 * value for value in values), share=share)
    return None if found is None else found / 1000


def _connections(reading: Reading) -> int:
    return sum(isinstance(step.what, Attached) for step in reading.steps)


def _failed(readings: Iterable[Reading]) -> set[str]:
    """Turns that ended with an error."""
    return {
        place.turn
        for reading in readings
        for place in _places(reading)
        if place.kind is Kind.FAILURE
    }


def _cut(readings: Iterable[Reading]) -> Iterator[str]:
    for reading in readings:
        answers = {place.turn: place.content for place in _places(reading)}
        shown = _shown(reading)
        for turn, texts in shown.items():
            if turn in answers and any(not answers[turn].startswith(text) for text in texts):
                yield turn


def _shown(reading: Reading) -> dict[str, set[str]]:
    """The text of each attempt at each turn, as far as a connection had it from its beginning."""
    texts: dict[tuple[int, str, int], str] = {}
    for step in reading.steps:
        match step.what:
            case Piece(turn=turn, attempt=attempt, offset=offset, text=text):
                key = (step.connection, turn, attempt)
                known = texts.get(key, "")
                if offset <= len(known):
                    texts[key] = known[:offset] + text
    shown: dict[str, set[str]] = defaultdict(set)
    for (_, turn, _), text in texts.items():
        shown[turn].add(text)
    return shown


def _places(reading: Reading) -> Iterator[Place]:
    for step in reading.steps:
        match step.what:
            case Place() as place if place.kind in (Kind.ANSWER, Kind.FAILURE):
                yield place
            case Attached(snapshot=places):
                yield from (each for each in places if each.kind in (Kind.ANSWER, Kind.FAILURE))
