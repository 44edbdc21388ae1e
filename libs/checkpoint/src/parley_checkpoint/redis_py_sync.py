"""redis-py's clients without asyncio: requests answered one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import NoScriptError

from parley_checkpoint.requests import FindKeys, Request, RunCommand

Client = Redis | RedisCluster


class RedisPyAnswers:
    """Raises redis-py's own errors. The client stays its owner's to close."""

    def __init__(self, client: Client) -> None:
        if client.get_encoder().decode_responses:
            raise ValueError("expected a Redis client made with decode_responses=False")
        # redis-py types it for neither client.
        self._execute: Callable[..., Any] = client.execute_command
        self._scan: Callable[..., Iterator[bytes]] = client.scan_iter

    def answer(self, request: Request) -> Any:
        if isinstance(request, RunCommand):
            return self._execute(*request.args)
        if isinstance(request, FindKeys):
            return list(self._scan(match=request.pattern, count=1000))
        rest = (len(request.keys), *request.keys, *request.args)
        try:
            return self._execute("EVALSHA", request.script.sha, *rest)
        except NoScriptError:
            return self._execute("EVAL", request.script.source, *rest)


def connect(url: str) -> Client:
    """A client for the server at `url`, or for the Cluster that it belongs to."""
    client = Redis.from_url(url)
    info = client.info("server")
    if info["redis_mode"] != "cluster":
        return client
    client.close()
    return RedisCluster.from_url(url)
