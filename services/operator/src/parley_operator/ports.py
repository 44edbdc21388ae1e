"""What the operator asks of the world beside `parley_core.ports`.

Every call may raise `TemporaryError`: it may or may not have taken effect, and a repeat is
harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from parley_core.domain.errors import PermanentError
from parley_operator.domain.courses import Progress
from parley_operator.domain.drains import Asked, DrainName, Reason
from parley_operator.domain.pods import Node, Pod, PodName


class NotThere(PermanentError):
    """The object is gone, or it never was."""


class Refusal(PermanentError):
    """The process was asked for something that it does not do, or not now; the text says why."""


class News(NamedTuple):
    """What people see of a pod with `kubectl describe`. `reason` is a word for programs."""

    reason: str
    message: str
    is_warning: bool = False


class Orders(Protocol):
    """What processes are told on their admin ports.

    `admin_url` as the process's beat says. Every call may raise `Refusal`.
    """

    async def drain(self, admin_url: str, *, kind: str, within: float) -> Progress:
        """Begin, or hurry a drain that would take longer."""
        ...

    async def progress(self, admin_url: str, *, kind: str) -> Progress:
        """How far the drain is."""
        ...

    async def take_back(self, admin_url: str) -> None:
        """Serve again; nothing, if it does."""
        ...

    async def rebalance(self, admin_url: str, *, share: float, within: float) -> None:
        """Send a share of the connections on, 0 to 1."""
        ...


class Cluster(Protocol):
    """The release's objects in the Kubernetes API."""

    async def pods(self) -> tuple[Pod, ...]:
        """All of the release."""
        ...

    async def nodes(self) -> tuple[Node, ...]:
        """All of the cluster."""
        ...

    async def drains(self) -> tuple[Asked, ...]:
        """All of the namespace."""
        ...

    async def set_cost(self, pod: PodName, *, cost: int) -> None:
        """What it costs to delete the pod in a scale-down. Raises `NotThere`."""
        ...

    async def tell(self, pod: Pod, news: News) -> None:
        """Leave an Event on the pod, which may be gone."""
        ...

    async def record(self, drain: DrainName, *, pod: Pod, reason: Reason) -> None:
        """Make a Drain object for what the operator does by itself; nothing, if it is there."""
        ...

    async def say(self, drain: DrainName, status: Mapping[str, Any]) -> None:
        """Write a drain's status. Raises `NotThere`."""
        ...

    async def remove(self, drain: DrainName) -> None:
        """Delete a Drain object; nothing, if it is gone."""
        ...
