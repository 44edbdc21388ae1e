"""Offering a load at its rate, whatever the server does with it."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

ON_TIME = 0.98
"""Share of a rate below which it was not offered."""
_LOOK_EACH = 0.01


async def at_rate(rate: float, *, seconds: float, act: Callable[[], None]) -> float:
    """Call `act` that often; what is late is made up for at once. The calls made in each second."""
    start, made, total = time.perf_counter(), 0, round(rate * seconds)
    while made < total:
        due = min(total, int((time.perf_counter() - start) * rate) + 1)
        while made < due:
            act()
            made += 1
        await asyncio.sleep(max(0.0, start + made / rate - time.perf_counter()))
    return total / (time.perf_counter() - start)


async def until(condition: Callable[[], bool], *, within: float) -> bool:
    """Whether it came true in time; looked at every 10 ms."""
    deadline = time.perf_counter() + within
    while not condition():
        if time.perf_counter() > deadline:
            return False
        await asyncio.sleep(_LOOK_EACH)
    return True


@asynccontextmanager
async def repeated(act: Callable[[], Awaitable[None]], *, each: float) -> AsyncIterator[None]:
    """`act` is done again and again inside, with that many seconds between."""

    async def keep_on() -> None:
        while True:
            await asyncio.sleep(each)
            await act()

    task = asyncio.create_task(keep_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextmanager
def without_collector() -> Iterator[None]:
    """The load's own garbage collector makes no pauses that would be taken for the server's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
