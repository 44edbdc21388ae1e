"""A client that reads an edge's events over HTTP as a browser would, and polls."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import httpx

from parley_testing.event_source import EventSource, Message

Frame = dict[str, Any]
_WITHIN = 10.0
"""Seconds that an event, an answer or an end may take."""


class StreamEnded(Exception):
    """The server ended the stream, or it broke."""


class StreamClient:
    """`async with StreamClient(port, "ann", session_id=...) as stream:`; every wait is bounded.

    With `last_id` it comes back: it sends what a browser sends.
    """

    def __init__(
        self, port: int, user: str, device: str = "phone", *, last_id: str = "", **query: Any
    ) -> None:
        self.source = EventSource()
        self.last_id = last_id
        """What a browser would send as Last-Event-ID after the newest event."""
        self._query = query
        self._headers = {"X-Parley-User": user, "X-Parley-Device": device}
        if last_id:
            self._headers["Last-Event-ID"] = last_id
        self._url = f"http://127.0.0.1:{port}/v1/stream"
        self._stack = AsyncExitStack()
        self._unread: deque[Message] = deque()

    async def __aenter__(self) -> Self:
        timeout = httpx.Timeout(_WITHIN, read=None)
        http = await self._stack.enter_async_context(httpx.AsyncClient(timeout=timeout))
        opening = http.stream("GET", self._url, params=self._query, headers=self._headers)
        async with asyncio.timeout(_WITHIN):
            reply = await self._stack.enter_async_context(opening)
        assert reply.status_code == 200, await reply.aread()
        assert reply.headers["content-type"] == "text/event-stream"
        self._chunks = reply.aiter_raw()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Close the connection. Idempotent."""
        await self._stack.aclose()

    async def event(self) -> Message:
        """The next event. Raises `StreamEnded`."""
        async with asyncio.timeout(_WITHIN):
            while not self._unread:
                try:
                    chunk = await anext(self._chunks)
                except (StopAsyncIteration, httpx.TransportError) as error:
                    raise StreamEnded from error
                self._unread.extend(self.source.feed(chunk))
        event = self._unread.popleft()
        # A browser that comes back has the id that it had before.
        self.last_id = event.last_id or self.last_id
        return event

    async def next(self) -> Frame:
        """The next frame, whatever it is."""
        event = await self.event()
        assert event.type == "message", event
        return dict(json.loads(event.data))

    async def receive(self, type_: str) -> Frame:
        """The next frame, which is of this type."""
        frame = await self.next()
        assert frame["type"] == type_, frame
        return frame

    async def until(self, type_: str, **fields: Any) -> Frame:
        """The first frame of this type with these fields; others are passed over."""
        wanted = {"type": type_, **fields}
        while True:
            frame = await self.next()
            if wanted.items() <= frame.items():
                return frame

    async def rest(self) -> list[Frame]:
        """All frames until the stream ends without a close."""
        frames = []
        while True:
            try:
                frames.append(await self.next())
            except StreamEnded:
                return frames

    async def closed(self) -> int:
        """The code that the server closes with; events before it are passed over."""
        while (event := await self.event()).type != "close":
            pass
        code = int(json.loads(event.data)["code"])
        try:
            await self.event()
        except StreamEnded:
            return code
        raise AssertionError("the stream goes on after its close")


async def poll(
    edge_port: int, user: str, *, last_id: str = "", wait: float = 5, **query: Any
) -> dict[str, Any]:
    """One poll's reply."""
    headers = {"X-Parley-User": user, "X-Parley-Device": "phone"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    async with httpx.AsyncClient(timeout=wait + _WITHIN) as http:
        reply = await http.get(
            f"http://127.0.0.1:{edge_port}/v1/stream",
            params={"mode": "poll", "wait": wait, **query},
            headers=headers,
        )
    assert reply.status_code == 200, reply.text
    return dict(reply.json())
