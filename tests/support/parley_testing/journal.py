"""What the nodes of a graph did, written down in Redis as their side effects.

A node's run is two entries, its begin and its end: whatever becomes of its process, the journal
tells which nodes began, which of them came to their end, and in which process.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from secrets import token_hex

from langchain_core.runnables import RunnableConfig
from redis.asyncio import BlockingConnectionPool, Redis

from parley_core.redis.client import RedisClient

STREAM = "journal"
_PAGE = 5000


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One run of a node. Times are Redis's, in seconds; `ended` is None if it did not.

    `token` is that of the lease under which its run of the graph was started.
    """

    session: str
    turn: str
    node: str
    process: str
    token: str
    began: float
    ended: float | None

    @property
    def of(self) -> tuple[str, str]:
        """Session and turn."""
        return self.session, self.turn

    def is_running(self, at: float) -> bool:
        return self.began <= at and (self.ended is None or self.ended > at)


@asynccontextmanager
async def written(node: str, config: RunnableConfig) -> AsyncIterator[None]:
    """A node's body between its two entries. `JOURNAL_URL` is the Redis to write to."""
    run = token_hex(8)
    # Under this name the service hands its lease to the checkpointer: fence, process and nonce.
    token: str = config["configurable"]["__lease_token"]
    await _redis().xadd(
        STREAM,
        {
            "run": run,
            "session": config["configurable"]["thread_id"],
            "turn": config["metadata"]["run_id"],
            "node": node,
            "process": token.split(":")[1],
            "token": token,
        },
    )
    yield
    await _redis().xadd(STREAM, {"ended": run})


@cache
def _redis() -> Redis:
    """One for the process, which has one event loop that runs graphs."""
    # Nodes wait for a connection where others would be refused one and fail.
    return Redis.from_pool(BlockingConnectionPool.from_url(os.environ["JOURNAL_URL"], timeout=30))


async def node_runs(client: RedisClient) -> list[NodeRun]:
    """All that was written, in the order in which it began."""
    entries: list[tuple[float, dict[str, str]]] = []
    last = "-"
    while page := await client.command("XRANGE", STREAM, last, "+", "COUNT", _PAGE, key=STREAM):
        entries += [_decoded(*each) for each in page]
        last = f"({page[-1][0].decode()}"
    return runs_of(entries)


async def newest_runs(client: RedisClient, *, count: int) -> list[NodeRun]:
    """Those that the newest `count` entries tell of."""
    page = await client.command("XREVRANGE", STREAM, "+", "-", "COUNT", count, key=STREAM)
    return runs_of(_decoded(*each) for each in reversed(page))


def _decoded(id_: bytes, fields: list[bytes]) -> tuple[float, dict[str, str]]:
    return entry(id_.decode(), [field.decode() for field in fields])


def entry(id_: str, fields: Sequence[str]) -> tuple[float, dict[str, str]]:
    """An entry of the stream: when it was written, and what."""
    at = int(id_.partition("-")[0]) / 1000
    return at, dict(zip(fields[::2], fields[1::2], strict=True))


def runs_of(entries: Iterable[tuple[float, dict[str, str]]]) -> list[NodeRun]:
    """The runs that entries tell of."""
    begun: dict[str, tuple[float, dict[str, str]]] = {}
    ended: dict[str, float] = {}
    for at, fields in entries:
        if "ended" in fields:
            ended[fields["ended"]] = at
        else:
            begun[fields["run"]] = (at, fields)
    return [
        NodeRun(
            session=fields["session"],
            turn=fields["turn"],
            node=fields["node"],
            process=fields["process"],
            token=fields["token"],
            began=at,
            ended=ended.get(run),
        )
        for run, (at, fields) in begun.items()
    ]
