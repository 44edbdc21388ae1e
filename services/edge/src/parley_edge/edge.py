"""What every connection of this process shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley_core.ports import Authenticator, Connections, Conversations, Memberships
from parley_core.tasks import Tasks
from parley_edge.departures import Departures
from parley_edge.domain.greeting import Server
from parley_edge.hub import Hub
from parley_edge.roster import Roster


@dataclass(frozen=True, slots=True)
class Edge:
    """The parts, composed once at the start.

    `clock` is monotonic, in seconds; `now` is the wall clock as ISO 8601 in UTC; `new_id` makes
    identifiers nobody can guess.
    """

    server: Server
    conversations: Conversations
    memberships: Memberships
    connections: Connections
    authenticator: Authenticator
    hub: Hub
    roster: Roster
    departures: Departures
    tasks: Tasks
    clock: Callable[[], float]
    now: Callable[[], str]
    new_id: Callable[[], str]
    user_limit: int
    """Connections that a user may have to this process."""
    connection_limit: int
    """Connections of all users to this process, 0: any number."""
    silence_limit: float
    """Seconds without a byte from a client after which it is lost: SESSION_TIMEOUT."""
