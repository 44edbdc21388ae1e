"""`/drain` on the admin port: stop taking work, hand back what runs, and take it back."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parley_conversation.worker import Worker

LONGEST = 86_400
"""Seconds that a drain may be given."""


class Drain:
    """A drain that operators ask for. The process lives on, idle, until it is told to end."""

    def __init__(self, worker: Worker, *, within: float) -> None:
        self._worker = worker
        self._within = within
        self._task: asyncio.Task[None] | None = None

    @property
    def routes(self) -> tuple[Route, ...]:
        """For the admin app, which asks for the service token."""
        return (
            Route("/drain", self._begin, methods=["POST"]),
            Route("/drain", self._end, methods=["DELETE"]),
            Route("/drain", self._progress, methods=["GET"]),
        )

    async def stop(self) -> None:
        """Wait for nothing any more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _begin(self, request: Request) -> Response:
        given = request.query_params.get("within", str(self._within))
        try:
            within = float(given)
        except ValueError:
            within = -1.0
        if not 0 <= within <= LONGEST:  # also refuses nan
            problem = f"within: expected seconds between 0 and {LONGEST}, got {given!r}"
            return JSONResponse({"error": problem}, status_code=400)
        await self.stop()
        self._worker.begin_drain()
        self._task = asyncio.create_task(self._worker.drain(within=within))
        return await self._progress(request)

    async def _end(self, request: Request) -> Response:
        await self.stop()
        self._worker.resume()
        return await self._progress(request)

    async def _progress(self, _request: Request) -> Response:
        return JSONResponse(
            {"draining": self._worker.draining, "turns_running": self._worker.running}
        )
