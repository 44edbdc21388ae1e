"""Calls that are repeated while Redis does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from parley_core.domain.backoff import backoff
from parley_core.domain.errors import Unavailable
from parley_core.domain.events import Accepted, Mail
from parley_core.domain.ids import ConnectionId, SessionId
from parley_core.ports import Conversations
from parley_edge.domain.inputs import log_frame

Reply = TypeVar("Reply")


async def until_answered(
    call: Callable[[], Awaitable[Reply]], *, is_over: Callable[[], bool]
) -> Reply | None:
    """The reply, however long Redis is away; None once nobody wants it any more."""
    failures = 0
    while not is_over():
        try:
            return await call()
        except Unavailable as error:
            failures += 1
            await asyncio.sleep(max(error.delay, backoff(failures, roll=1.0)))
    return None


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
