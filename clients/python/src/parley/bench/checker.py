"""The judge: do the clients' own records keep what Parley promises?

Pure. `check` reads each device's record, judges each connection by itself (`order`), puts together
what all devices know of each log (`evidence`), and judges that here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from parley.bench.evidence import Key, View, by_session, conflict, view
from parley.bench.order import judge_connections
from parley.bench.reading import Kind, Place, read
from parley.bench.record import DeviceRecord
from parley.bench.violations import Invariant, Violation

_ENDINGS = frozenset({Kind.ANSWER, Kind.FAILURE})


def check(history: Iterable[DeviceRecord], *, lost_tail: bool = False) -> list[Violation]:
    """Everything in `history` that breaks an invariant; empty if all hold.

    Give it whole runs: every text was waited for, and the devices that `stayed` had time to catch
    up. `lost_tail`: Redis was put back to an earlier state, so what was acknowledged may be gone
    if its sender was told so; without it nothing that was acknowledged may be lost at all.
    """
    readings = [read(record) for record in history]
    views = [view(reading) for reading in readings]
    found = [violation for reading in readings for violation in judge_connections(reading)]
    for each in views:
        found += each.violations
    for session, known in by_session(views).items():
        found += _judge_agreement(session, known, lost_tail=lost_tail)
        found += _judge_ends(session, known)
        found += _judge_doubles(session, known, lost_tail=lost_tail)
    found += _judge_losses(views, lost_tail=lost_tail)
    return found


def _judge_agreement(
    session: str, views: Sequence[View], *, lost_tail: bool
) -> Iterator[Violation]:
    """All devices have the identical sequence.

    After a loss only those are asked who stayed, for who left was never told of it. Where two of
    them still disagree, one has what was lost and was not told.
    """
    broken = Invariant.HONEST_GAP if lost_tail else Invariant.ORDER
    agreed: dict[Key, tuple[str, Place]] = {}
    for each in views:
        if lost_tail and not each.stayed:
            continue
        for key, place in each.standing.items():
            if key[0] != session:
                continue
            device, other = agreed.setdefault(key, (each.device, place))
            if conflict(place, other):
                detail = (
                    f"{key[1]}:{key[2]} is {place.id!r} for {each.device}"
                    f" and {other.id!r} for {device}"
                )
                yield Violation(broken, session, detail)
            elif not other.body:
                agreed[key] = (each.device, place)


def _judge_ends(session: str, views: Sequence[View]) -> Iterator[Violation]:
    """Who stayed has everything: a stream that went silent is a hole that was never told."""
    stayed = [each for each in views if each.stayed and each.end[0] == session]
    tops: dict[str, int] = defaultdict(int)
    for each in stayed:
        tops[each.end[1]] = max(tops[each.end[1]], each.end[2])
    if len(tops) > 1:
        yield Violation(Invariant.HONEST_GAP, session, f"devices ended in epochs {sorted(tops)}")
    for each in stayed:
        _, epoch, seq = each.end
        if seq < tops[epoch]:
            detail = f"{each.device} ended at {epoch}:{seq}, the log at {tops[epoch]}"
            yield Violation(Invariant.HONEST_GAP, session, detail)


def _judge_doubles(session: str, views: Sequence[View], *, lost_tail: bool) -> Iterator[Violation]:
    """One message is one entry; one turn has one end.

    What was lost may come again: who knows it at two places was not told of the loss.
    """
    broken = Invariant.HONEST_GAP if lost_tail else Invariant.NO_DOUBLE
    entries: dict[str, set[Key]] = defaultdict(set)
    endings: dict[str, set[Key]] = defaultdict(set)
    for each in views:
        for key, place in each.standing.items():
            # The end of a failed turn may bear the id of the turn's input.
            if key[0] == session and place.id not in ("", place.turn):
                entries[place.id].add(key)
            if key[0] == session and place.kind in _ENDINGS:
                endings[place.turn].add(key)
    for what, places in (("message", entries), ("the end of turn", endings)):
        for name, keys in places.items():
            if len(keys) > 1:
                at = ", ".join(f"{epoch}:{seq}" for _, epoch, seq in sorted(keys))
                yield Violation(broken, session, f"{what} {name!r} is at {at}")


def _judge_losses(views: Sequence[View], *, lost_tail: bool) -> Iterator[Violation]:
    """Every acknowledged text has an end that somebody saw."""
    ended = {place.turn for each in views for place in each.seen if place.kind in _ENDINGS}
    for each in views:
        for acked in each.acked:
            if acked.message_id in ended or (lost_tail and acked.void):
                continue
            detail = f"{acked.message_id!r} was acknowledged at {acked.key[2]} and never answered"
            yield Violation(Invariant.NO_LOSS, f"{each.user}/{each.device}", detail)
