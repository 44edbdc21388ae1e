"""Orders to processes over HTTP, with the service token."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec

from parley_core.domain.errors import TemporaryError
from parley_operator.domain.courses import Progress
from parley_operator.domain.pods import EDGE
from parley_operator.ports import Refusal

_TIMEOUT = aiohttp.ClientTimeout(total=3.0, connect=1.0)
"""Seconds: a process that answers does so at once, and a frozen node never does."""
_AGAIN = 0.5
"""Seconds until a process that did not answer is asked again."""
_CLOSING = "closing"
_DRAINED = "drained"
_SERVING = "serving"


class EdgeDrain(msgspec.Struct):
    """What an edge says of its drain."""

    stage: str
    moved: int
    remaining: int
    seconds_left: float


class WorkerDrain(msgspec.Struct):
    """What a worker says of its drain."""

    draining: bool
    turns_running: int


class HttpOrders:
    """Implements `ports.Orders`. The session is the caller's."""

    def __init__(self, session: aiohttp.ClientSession, *, token: str) -> None:
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def drain(self, admin_url: str, *, kind: str, within: float) -> Progress:
        return _progress(kind, await self._ask("POST", admin_url, "/drain", within=within))

    async def progress(self, admin_url: str, *, kind: str) -> Progress:
        return _progress(kind, await self._ask("GET", admin_url, "/drain"))

    async def take_back(self, admin_url: str) -> None:
        await self._ask("DELETE", admin_url, "/drain")

    async def rebalance(self, admin_url: str, *, share: float, within: float) -> None:
        await self._ask("POST", admin_url, "/rebalance", share=share, within=within)

    async def _ask(self, method: str, admin_url: str, path: str, **numbers: float) -> bytes:
        """The answer. Raises `Refusal`, and `TemporaryError` if there is none."""
        params = {name: f"{number:g}" for name, number in numbers.items()}
        options: dict[str, Any] = {"headers": self._headers, "timeout": _TIMEOUT}
        try:
            async with self._session.request(
                method, f"{admin_url}{path}", params=params, **options
            ) as answer:
                said = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TemporaryError(f"{admin_url} did not answer: {error!r}", delay=_AGAIN) from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TemporaryError(f"{admin_url} answered {answer.status}", delay=_AGAIN)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            text = said.decode(errors="replace")[:200]
            raise Refusal(f"{method} {admin_url}{path} was answered {answer.status}: {text}")
        return said


def _progress(kind: str, said: bytes) -> Progress:
    """Raises `Refusal` if this is not what such a process says."""
    try:
        return _of_edge(said) if kind == EDGE else _of_worker(said)
    except msgspec.MsgspecError as error:
        raise Refusal(f"A {kind} said something else than how far its drain is: {error}") from error


def _of_edge(said: bytes) -> Progress:
    drain = msgspec.json.decode(said, type=EdgeDrain)
    return Progress(
        held=drain.remaining,
        moved=drain.moved,
        is_draining=drain.stage != _SERVING,
        is_closing=drain.stage == _CLOSING,
        is_over=drain.stage == _DRAINED,
        left=drain.seconds_left,
    )


def _of_worker(said: bytes) -> Progress:
    drain = msgspec.json.decode(said, type=WorkerDrain)
    return Progress(
        held=drain.turns_running,
        is_draining=drain.draining,
        is_over=drain.draining and not drain.turns_running,
    )
