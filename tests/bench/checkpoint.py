"""What keeping checkpoints costs: LangGraph's in-memory saver, the published one, and ours.

`make bench-checkpoint` runs all of it on one core, the clients and their Redis together, and prints
tables and one JSON line a figure, the aims beside them. Exits with 1 if anything that ours kept is
not what LangGraph's in-memory saver has of the same conversation.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import typer
from rich.console import Console

from parley_checkpoint import AsyncRedisCheckpointer
from parley_local.redis_server import RedisServer, find
from parley_testing.ports import free_port
from parley_testing.savers.chat import Durability, converse, threads
from parley_testing.savers.contenders import Contender, memory, parleys, published
from parley_testing.savers.gauge import Gauge, pin
from parley_testing.savers.puts import PutCost, put_costs
from parley_testing.savers.redis_stack import redis_stack
from parley_testing.savers.tables import Row, chat_table, lines, put_table, turn_table
from parley_testing.savers.turn_calls import TurnCalls, turn_calls
from parley_testing.savers.twins import Kepts, compare, kept
from parley_testing.servers import FlavourMissing

IN_MEMORY = ("--save", "", "--appendonly", "no")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `slow`: conversations of the published saver."""

    conversations: int
    slow: int
    turns: tuple[int, ...]
    put_turns: tuple[int, ...]
    put_threads: int
    default_turns: int


def main(
    *,
    conversations: int = 8,
    published_conversations: int = 3,
    turns: list[int] = [20, 100],  # noqa: B006  # typer copies it
    put_turns: list[int] = [10, 100, 1000],  # noqa: B006
    put_threads: int = 2,
    default_turns: int = 50,
) -> None:
    """Measure savers on this machine."""
    size = Size(
        conversations=conversations,
        slow=min(published_conversations, conversations),
        turns=tuple(turns),
        put_turns=tuple(put_turns),
        put_threads=put_threads,
        default_turns=default_turns,
    )
    console = Console(width=180)
    core = pin()
    console.print(
        f"on core {core}" if core is not None else "not on one core: no call for that here"
    )
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        rows, puts, calls = asyncio.run(_measure(size, Path(folder), console))
    for table in (chat_table(rows), put_table(puts), turn_table(calls)):
        console.print(table)
    for line in lines(rows, puts, calls):
        typer.echo(line)
    for row in rows:
        for difference in row.comparison.differences[:1]:
            console.print(f"{row.saver}, {row.turns} turns, {row.durability}: {difference}")
    if any(row.exact and row.comparison.differences for row in rows):
        raise typer.Exit(1)


async def _measure(
    size: Size, folder: Path, console: Console
) -> tuple[list[Row], dict[str, list[PutCost]], TurnCalls]:
    async with AsyncExitStack() as stack:
        plain = RedisServer(find(), port=free_port(), folder=folder / "plain", options=IN_MEMORY)
        await _started(plain, stack)
        ours = parleys(plain)
        contenders = [memory(), *ours]
        try:
            modules = redis_stack(folder / "stack")
        except FlavourMissing as missing:
            console.print(f"left out: the published saver, for {missing}")
        else:
            await _started(modules, stack)
            contenders.insert(1, published(modules))
        rows = await _chat_rows(contenders, size, console)
        puts = {each.name: await _puts(each, size) for each in ours[:2]}
        return rows, puts, await turn_calls(plain, turns=size.default_turns)


async def _started(server: RedisServer, stack: AsyncExitStack) -> None:
    server.start()
    stack.callback(server.stop)
    await server.wait_ready()


async def _chat_rows(contenders: list[Contender], size: Size, console: Console) -> list[Row]:
    rows = []
    for turns in size.turns:
        for durability in get_args(Durability):
            reference: Kepts = {}
            for contender in contenders:
                row, found = await _chat_row(contender, size, turns, durability, reference)
                reference = reference or found
                rows.append(row)
                console.print(f"{row.load}: {row.turns_a_second:.0f} turns/s", style="dim")
    return rows


async def _chat_row(
    contender: Contender, size: Size, turns: int, durability: Durability, reference: Kepts
) -> tuple[Row, Kepts]:
    """A saver under one load, compared with `reference`; with itself where that is empty."""
    gauge = Gauge(contender.url)
    gauge.empty()
    # The published one takes so long that fewer must do: its rates are those of a turn.
    names = threads(size.conversations if contender.exact else size.slow)
    async with contender.open() as saver:
        # What is done once, by imports, caches and connections, is no cost of a turn.
        await converse(saver, ["warm-up"], turns=2, durability=durability)
        gc.collect()
        # What was read back for comparing is not to be looked through again and again.
        gc.freeze()
        with gauge.measured() as cost:
            await converse(saver, names, turns=turns, durability=durability)
        found = await kept(saver, names if contender.exact else names[:1])
    gauge.close()
    comparison = compare(found, reference or found)
    row = Row(
        saver=contender.name,
        exact=contender.exact,
        turns=turns,
        durability=durability,
        conversations=len(names),
        cost=cost,
        comparison=comparison,
    )
    return row, found


async def _puts(contender: Contender, size: Size) -> list[PutCost]:
    gauge = Gauge(contender.url)
    gauge.empty()
    async with contender.open() as saver:
        if not isinstance(saver, AsyncRedisCheckpointer):
            raise TypeError(f"expected one of ours, got {type(saver).__name__}")
        costs = await put_costs(saver, gauge, turns=size.put_turns, threads=size.put_threads)
    gauge.close()
    return costs


if __name__ == "__main__":
    typer.run(main)
