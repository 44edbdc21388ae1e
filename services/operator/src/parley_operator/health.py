"""Whether the operator is of use, and whether it should be started anew."""

from __future__ import annotations

from collections.abc import Callable

from parley_operator.picture import Picture

DEAF = 90.0
"""Seconds without an event or a full look: three looks failed, and the watch is silent too."""


def unhealthy(picture: Picture) -> Callable[[], str | None]:
    """A look each half minute touches the picture, if the API answers."""

    def why() -> str | None:
        if picture.age <= DEAF:
            return None
        return f"no event and no full look for {picture.age:.0f} s"

    return why


def unready(
    *, has_looked: Callable[[], bool], is_stopping: Callable[[], bool]
) -> Callable[[], str | None]:
    """Ready once it has seen everything."""

    def why() -> str | None:
        if is_stopping():
            return "stopping"
        return None if has_looked() else "starting"

    return why
