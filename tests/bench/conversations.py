"""What load does to a conversation: one user alone, many users, many users on broken networks.

`make bench` runs it against a running `make up`. It prints a table and one JSON line a figure; the
first row, measured in the same run, is what the others are compared to. Exits with 1 if anything
was lost, doubled or out of order.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from parley.bench.checker import check
from parley.bench.figures import Figures, Spread, measure
from parley.bench.load import Load, drive
from parley.cli.options import URL, Url


def main(
    url: Url = URL, *, clients: int = 100, messages: int = 10, seed: int = 0, timeout: float = 60.0
) -> None:
    """Measure a running system."""
    one = Load(url=url, clients=1, messages=messages, seed=seed, timeout=timeout)
    many = replace(one, clients=clients, name=f"{one.name}-many")
    shaken = replace(many, devices=2, drop_every=1.0, name=f"{one.name}-shaken")
    loads = {
        "one user": one,
        f"{clients} users": many,
        f"{clients} users, two devices, one drops each second": shaken,
    }
    figures = {name: run(load) for name, load in loads.items()}
    Console().print(table(figures))
    for name, measured in figures.items():
        for figure, value in msgspec.to_builtins(measured).items():
            line = {"load": name, "figure": figure, "value": value}
            typer.echo(msgspec.json.encode(line).decode())
    if not all(measured.is_clean for measured in figures.values()):
        raise typer.Exit(1)


def run(load: Load) -> Figures:
    """Drive one load and judge it."""
    wall, cpu = time.monotonic(), time.process_time()
    history = asyncio.run(drive(load))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return measure(history, violations=check(history), wall=wall, client_cpu=cpu)


def table(figures: dict[str, Figures]) -> Table:
    """One row a load."""
    columns = ("answers/s", "ack p50/p99 ms", "answer p50/p99 ms", "lost", "doubled")
    result = Table("load", *columns, "out of order", "torn", "client CPU s")
    for name, measured in figures.items():
        result.add_row(
            name,
            f"{measured.answers_per_second:g}",
            _ends(measured.ack_ms),
            _ends(measured.answer_ms),
            str(measured.lost),
            str(measured.doubled),
            str(measured.out_of_order),
            str(measured.torn),
            f"{measured.client_cpu:.1f}",
        )
    return result


def _ends(spread: Spread) -> str:
    return f"{spread.p50} / {spread.p99}"


if __name__ == "__main__":
    typer.run(main)
