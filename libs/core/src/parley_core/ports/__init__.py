"""What the services ask of the store, and what each promise is worth.

Every call may raise `Unavailable`: it may or may not have taken effect, and repeating it with the
same arguments is harmless and gives the reply that the first would have given. Nothing here
repeats by itself. Durations are in seconds unless a name says otherwise.
"""

from __future__ import annotations

from parley_core.ports.announcements import Announcements
from parley_core.ports.conversations import Authenticator, Conversations
from parley_core.ports.feed import LiveFeed
from parley_core.ports.memberships import Memberships
from parley_core.ports.presence import PresenceBoard
from parley_core.ports.processes import Connections, Processes
from parley_core.ports.work import Work

__all__ = [
    "Announcements",
    "Authenticator",
    "Connections",
    "Conversations",
    "LiveFeed",
    "Memberships",
    "PresenceBoard",
    "Processes",
    "Work",
]
