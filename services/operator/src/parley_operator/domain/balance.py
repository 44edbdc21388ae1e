"""Which edges send a share of their connections on after new ones came, and which pod goes first.

Who is asked to move reconnects through the balancer, which knows nothing of loads: a part comes
back to where it was. So what is too much is asked for in rounds, never all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parley_operator.domain.pods import PodName

ROUNDS = 3
"""After three rounds of two edges, one of them new, 56 and 44 of 100 connections are near enough
that further moves would cost clients more than they win."""
TOLERANCE = 0.1
"""By how much more than the mean an edge may hold."""
_LEAST = 10
"""Connections above the mean that are worth a move."""
_CLEARLY = 0.1
"""By how much more a pod must hold to change places: less is noise, and each change is a write."""


def shares(connections: Mapping[PodName, int]) -> dict[PodName, float]:
    """What share of its connections each full edge sends on, 0 to 1."""
    if not connections:
        return {}
    mean = sum(connections.values()) / len(connections)
    return {
        name: (held - mean) / held
        for name, held in connections.items()
        if held > mean * (1 + TOLERANCE) and held - mean >= _LEAST
    }


def order(connections: Mapping[PodName, int], *, before: Sequence[PodName]) -> tuple[PodName, ...]:
    """The pods, the emptiest first.

    Pods that hold about the same stay in the order of `before`; new ones are put in by what they
    hold.
    """
    known = [name for name in before if name in connections]
    new = sorted(connections.keys() - set(known), key=lambda name: (connections[name], name))
    ordered: list[PodName] = []
    for name in [*known, *new]:
        fuller = (
            place for place, other in enumerate(ordered) if _holds_more(other, name, connections)
        )
        ordered.insert(next(fuller, len(ordered)), name)
    return tuple(ordered)


def costs(ordered: Sequence[PodName]) -> dict[PodName, int]:
    """Deletion costs that keep the order; 0 is left to pods that nobody has looked at."""
    return {name: place for place, name in enumerate(ordered, start=1)}


def _holds_more(one: PodName, other: PodName, connections: Mapping[PodName, int]) -> bool:
    return connections[one] * (1 - _CLEARLY) > connections[other]
