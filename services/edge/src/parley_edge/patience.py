"""Appends that a short absence of Redis does not fail."""

from __future__ import annotations

import asyncio
from functools import partial

from parley_core.domain.errors import Unavailable
from parley_core.domain.events import Accepted, Mail
from parley_core.domain.ids import ConnectionId, SessionId
from parley_core.ports import Conversations
from parley_edge.domain.inputs import log_frame

_QUICK_RETRIES = (0.05, 0.2)
"""Seconds before each repeat that the client does not notice; an append may be repeated."""


async def append_patiently(
    conversations: Conversations,
    session: SessionId,
    mail: Mail,
    *,
    origin: ConnectionId,
    value: bytes = b"",
) -> Accepted:
    """Once, and quickly again while Redis is away for a moment. Raises as `append` does."""
    append_once = partial(
        conversations.append,
        session,
        mail,
        frame=log_frame(mail, session),
        origin=origin,
        value=value,
    )
    for pause in _QUICK_RETRIES:
        try:
            return await append_once()
        except Unavailable:
            await asyncio.sleep(pause)
    return await append_once()
