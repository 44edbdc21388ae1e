"""Bounds of the protocol that no setting moves."""

from __future__ import annotations

CONTENT = 10_000
"""Unicode code points of a `text`."""
NAME = 128
"""Characters of a `user_id`, a `device_id` or a topic."""
IDENTIFIER = 64
"""Characters of a `message_id` or a `request_id`."""
FRAME = 1_048_576
"""Bytes of one frame from a client."""
MAILBOX = 100
"""Inputs of one session that may wait for the agent."""
REMEMBERED = 1_000
"""Message ids that a session remembers, so that a repeat is known."""
PAGE = 262_144
"""Bytes of log that one attach reads."""
SNAPSHOT = 10
"""Log frames that a client gets which could not resume."""
HISTORY = 100
"""Messages that one `get_history` returns at most."""
ANSWER = 262_144
"""Bytes of one answer."""
COUNTED_ATTEMPTS = 3
"""Attempts of one turn that may end in an exception or a silent death."""
ARCHIVED = 100
"""Archived sessions of a user that one list has at most."""
NOTICES = 50
"""Notices that one session may get at once."""
NOTICE_RATE = 10.0
"""Notices of one session a second after that."""
BROADCAST_USERS = 1_000
"""Users that one broadcast may name."""
MEMBERS = 100
"""People in one session beside its owner: each text goes to all of them, and a page of them is read
at once."""
GROUPS = 100
"""Sessions of others that a user's list names: others put them there."""
FORKS = 10
"""Forks of one user at once: each copies a whole conversation."""
FORK_RATE = 0.1
"""Forks of one user a second after that."""
