"""Whether the operator is of use, and whether it should be started anew."""

from __future__ import annotations

from collections.abc import Callable

from parley_operator.picture import Picture

DEAF = 90.0
"""Seconds without an event or a full look: three looks failed, and the watch is silent too."""


def unhealthy(picture: Picture, *, is_joined: Callable[[], bool]) -> Callable[[], str | None]:
    """A look each half minute touches the picture, if the API answers.

    `is_joined`: whether Redis answered at the start. Until then there is nothing to be done, and
    another process would have to wait for it just as long.
    """

    def why() -> str | None:
        if not is_joined() or picture.age <= DEAF:
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
