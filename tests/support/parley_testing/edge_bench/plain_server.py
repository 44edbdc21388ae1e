"""What one would write with Starlette, uvicorn and redis-py: `python -m ...plain_server PORT URL`.

It speaks as much of the wire protocol as the load needs: `auth` is answered by `system`, a `text`
is acknowledged, published, and sent to the user's other connections. There is no log: what is
missed is lost.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from typing import Any

import redis.asyncio as redis
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


class Rooms:
    """Who is connected, by channel, and the one subscription that all share."""

    def __init__(self, url: str) -> None:
        # The other pool raises when it is empty; this one waits.
        pool = redis.BlockingConnectionPool.from_url(url, max_connections=20)
        self._redis = redis.Redis(connection_pool=pool)
        self._pubsub = self._redis.pubsub()
        self._lock = asyncio.Lock()
        self._members: dict[str, set[WebSocket]] = defaultdict(set)
        self._reading: asyncio.Task[None] | None = None

    async def enter(self, channel: str, websocket: WebSocket) -> None:
        self._members[channel].add(websocket)
        if len(self._members[channel]) == 1:
            await self._subscribe(channel)

    async def leave(self, channel: str, websocket: WebSocket) -> None:
        self._members[channel].discard(websocket)
        if not self._members[channel]:
            del self._members[channel]
            async with self._lock:
                await self._pubsub.unsubscribe(channel)

    async def _subscribe(self, channel: str) -> None:
        async with self._lock:
            await self._pubsub.subscribe(channel)
        # It ends when nothing is subscribed to.
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def publish(self, channel: str, frame: dict[str, Any]) -> None:
        await self._redis.publish(channel, json.dumps(frame, separators=(",", ":")))

    async def _read(self) -> None:
        async for message in self._pubsub.listen():
            if message["type"] != "message":
                continue
            text = message["data"].decode()
            origin = json.loads(text)["device_id"]
            for websocket in list(self._members.get(message["channel"].decode(), ())):
                if websocket.state.device != origin:
                    await self._send(websocket, text)

    async def _send(self, websocket: WebSocket, text: str) -> None:
        try:
            await websocket.send_text(text)
        except (RuntimeError, WebSocketDisconnect):
            return


def make_app(url: str) -> Starlette:
    """The application; `url` is where its Redis is."""
    rooms: list[Rooms] = []

    async def serve(websocket: WebSocket) -> None:
        if not rooms:
            rooms.append(Rooms(url))
        await websocket.accept()
        auth = await websocket.receive_json()
        channel = auth["user_id"]
        websocket.state.device = auth["device_id"]
        await rooms[0].enter(channel, websocket)
        await websocket.send_json({"type": "system", "session_id": channel})
        try:
            await _talk(websocket, rooms[0], channel)
        except WebSocketDisconnect:
            pass
        finally:
            await rooms[0].leave(channel, websocket)

    return Starlette(routes=[WebSocketRoute("/ws", serve)])


async def _talk(websocket: WebSocket, rooms: Rooms, channel: str) -> None:
    while True:
        text = await websocket.receive_json()
        await rooms.publish(channel, {**text, "device_id": websocket.state.device})
        await websocket.send_json({"type": "ack", "message_id": text["message_id"]})


if __name__ == "__main__":
    uvicorn.run(
        make_app(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        log_level="warning",
    )
