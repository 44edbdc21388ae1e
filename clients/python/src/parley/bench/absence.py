"""How long a device had no connection."""

from __future__ import annotations

from collections.abc import Iterator

from parley.bench.reading import Attached, read
from parley.bench.record import DeviceRecord
from parley.connection import Way


def absences(record: DeviceRecord) -> Iterator[float]:
    """Seconds of each time without an attached connection between the first attach and the last."""
    ends = {entry.connection: entry.at for entry in record.entries if entry.way is Way.CLOSED}
    here_until = None
    for step in read(record).steps:
        if not isinstance(step.what, Attached):
            continue
        if here_until is not None and step.at > here_until:
            yield step.at - here_until
        # A connection that the record does not see closed serves to the end.
        end = ends.get(step.connection, float("inf"))
        here_until = end if here_until is None else max(here_until, end)


def longest_absence(record: DeviceRecord) -> float:
    """Seconds; 0.0 if it always had one."""
    return max(absences(record), default=0.0)
