"""What load does to a conversation: one user alone, many users, many users on broken networks.

`make bench` runs it against a running `make up`. It prints a table and one JSON line a figure; the
first row, measured in the same run, is what the others are compared to. Exits with 1 if anything
was lost, doubled or out of order.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from parley.bench.figures import Figures
from parley.bench.load import Load
from parley.bench.times import Spread
from parley.bench.trial import run
from parley.cli.options import URL, Url


def main(
    url: Url = URL, *, clients: int = 100, messages: int = 10, seed: int = 0, timeout: float = 60.0
) -> None:
    """Measure a running system."""
    one = Load(url=url, clients=1, messages=messages, seed=seed, timeout=timeout)
    many = replace(one, clients=clients, name=f"{one.name}-many")
    # Two devices each; the second loses its socket each second.
    shaken = replace(many, devices=2, drop_every=1.0, name=f"{one.name}-shaken")
    loads = {
        "one user": one,
        f"{clients} users": many,
        f"{clients} users, broken network": shaken,
    }
    figures = {name: run(load).figures for name, load in loads.items()}
    Console().print(table(figures))
    for name, measured in figures.items():
        for figure, value in msgspec.to_builtins(measured).items():
            line = {"load": name, "figure": figure, "value": value}
            typer.echo(msgspec.json.encode(line).decode())
    if not all(measured.is_clean for measured in figures.values()):
        raise typer.Exit(1)


def table(figures: dict[str, Figures]) -> Table:
    """One row a load."""
    result = Table("load", "answers/s", "ack ms", "answer ms", "broken", "client CPU s")
    for name, measured in figures.items():
        broken = measured.lost + measured.doubled + measured.out_of_order + measured.torn
        result.add_row(
            name,
            f"{measured.answers_per_second:g}",
            _ends(measured.ack_ms),
            _ends(measured.answer_ms),
            str(broken),
            f"{measured.client_cpu:.1f}",
        )
    result.caption = "milliseconds: p50 / p99; broken: lost, doubled, out of order, torn"
    return result


def _ends(spread: Spread) -> str:
    return f"{spread.p50} / {spread.p99}"


if __name__ == "__main__":
    typer.run(main)
