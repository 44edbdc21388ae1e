"""What all devices together know of each session's log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from parley.bench.reading import Attached, Cleared, Kind, Page, Place, Reading, Said
from parley.bench.violations import Invariant, Violation

Key = tuple[str, str, int]
"""Session, epoch, seq."""


@dataclass(frozen=True, slots=True)
class Acked:
    """An acknowledgement. `void`: this device was told later that the log lost its tail."""

    message_id: str
    device: str
    key: Key
    void: bool


@dataclass(slots=True)
class View:
    """What one device has. `standing`: places not taken back by a gap that it was told of.

    `bases`: where connections began; `end`: where the last one was.
    """

    user: str
    device: str
    stayed: bool
    standing: dict[Key, Place] = field(default_factory=dict)
    seen: list[Place] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    acks: list[tuple[str, Key]] = field(default_factory=list)
    void: set[Key] = field(default_factory=set)
    end: Key = ("", "", 0)
    bases: set[Key] = field(default_factory=set)
    violations: list[Violation] = field(default_factory=list)

    @property
    def acked(self) -> Iterator[Acked]:
        """The acknowledgements of texts, in order."""
        for message_id, key in self.acks:
            yield Acked(message_id, self.device, key, key in self.void)


def view(reading: Reading) -> View:
    """The device's view at the end of its record."""
    result = View(reading.user, reading.device, reading.stayed)
    for step in reading.steps:
        match step.what:
            case Said():
                result.said.add(step.what.id)
            case Attached():
                _attach(result, step.what)
            case Cleared() as cleared:
                _begin(result, (cleared.session, cleared.epoch, cleared.seq))
            case Page():
                for place in step.what.places:
                    _add(result, place)
            case Place() as place:
                _add(result, place)
                _reach(result, place)
    return result


def _attach(view: View, told: Attached) -> None:
    if told.is_gap:
        _take_back(view, told)
    for place in told.snapshot:
        _add(view, place)
    if not told.is_resumed:
        _begin(view, (told.session, told.epoch, told.seq))
    elif told.resumed is not None and not _had(view, told):
        detail = f"resumed from {told.resumed.epoch}:{told.resumed.seq}, which it never had"
        view.violations.append(Violation(Invariant.HONEST_GAP, _where(view), detail))


def _begin(view: View, key: Key) -> None:
    view.bases.add(key)
    view.end = key


def _take_back(view: View, told: Attached) -> None:
    """After a gap only what the server shows again is sure to be in the log still."""
    shown = {(place.session, place.epoch, place.seq): place.id for place in told.snapshot}
    shown[(told.session, told.epoch, told.seq)] = told.id
    for key, place in tuple(view.standing.items()):
        if key[0] == told.session and shown.get(key) != place.id:
            del view.standing[key]
            view.void.add(key)


def _had(view: View, told: Attached) -> bool:
    at = told.resumed
    if at is None or at.seq == 0:
        return True
    key = (told.session, at.epoch, at.seq)
    place = view.standing.get(key)
    return key in view.bases if place is None else place.id == at.id


def _add(view: View, place: Place) -> None:
    key = (place.session, place.epoch, place.seq)
    if place.kind is Kind.ACK:
        if place.id in view.said:
            view.acks.append((place.id, key))
    else:
        view.seen.append(place)
    known = view.standing.get(key)
    if known is None or (known.kind is Kind.ACK and known.id == place.id):
        view.standing[key] = place
    elif conflict(known, place):
        detail = f"{key[1]}:{key[2]} was {known.id!r} and became {place.id!r}"
        view.violations.append(Violation(Invariant.ORDER, _where(view), detail))


def _reach(view: View, place: Place) -> None:
    session, epoch, seq = view.end
    is_early = place.kind is Kind.ACK and place.seq > seq + 1
    if (session, epoch) != (place.session, place.epoch) or (place.seq > seq and not is_early):
        view.end = (place.session, place.epoch, place.seq)


def conflict(one: Place, other: Place) -> bool:
    """Two devices, or two looks, disagree about a place; an ack knows only the id."""
    if one.id != other.id:
        return True
    return bool(one.body and other.body and one.body != other.body)


def _where(view: View) -> str:
    return f"{view.user}/{view.device}"


def by_session(views: Iterable[View]) -> dict[str, list[View]]:
    """The views that know something of each session."""
    sessions: dict[str, list[View]] = defaultdict(list)
    for each in views:
        known = {key[0] for key in each.standing} | {each.end[0]}
        for session in sorted(known - {""}):
            sessions[session].append(each)
    return sessions
