"""`parley bench`: many users, many texts, and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from parley.bench.figures import Figures
from parley.bench.load import Load
from parley.bench.record import save
from parley.bench.times import Spread
from parley.bench.trial import Trial, run
from parley.bench.turns import Turns, measure_turns
from parley.cli.options import URL, Url

SHOWN = 20
"""Violations that are printed; the rest is counted."""


def bench(
    url: Url = URL,
    *,
    clients: Annotated[int, typer.Option(min=1, help="Users that talk at once.")] = 10,
    messages: Annotated[int, typer.Option(min=1, help="Texts of each user.")] = 10,
    devices: Annotated[int, typer.Option(min=1, help="Devices of each user.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Texts a second and user; else one after the other's answer."),
    ] = None,
    drop_every: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds after which a device's socket is cut.")
    ] = None,
    turns: Annotated[
        bool,
        typer.Option("--turns", help="Tell turns a second and worker core, and what they waited."),
    ] = False,
    turn_seconds: Annotated[
        float, typer.Option(min=0.001, help="With --turns: what the agent itself takes.")
    ] = 1.0,
    cores: Annotated[int, typer.Option(min=1, help="With --turns: cores of all workers.")] = 1,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for an ack or an answer.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Of texts and jitter.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines only.")] = False,
    keep: Annotated[Path | None, typer.Option(help="File for the clients' records.")] = None,
) -> None:
    """Measure throughput and latency; exit with 1 if anything was lost, doubled or out of order.

    With --turns the system should run an agent whose turns take the same time each: then what the
    system adds to them is told.
    """
    if turns and rate is not None:
        raise typer.BadParameter("--turns needs users who wait for each answer: leave out --rate")
    load = Load(
        url=url,
        clients=clients,
        messages=messages,
        devices=devices,
        rate=rate,
        drop_every=drop_every,
        begin_within=turn_seconds if turns else 0.0,
        timeout=timeout,
        seed=seed,
    )
    trial = run(load)
    if keep is not None:
        save(trial.history, path=keep)
    measured = None
    if turns:
        measured = measure_turns(trial.history, turn_seconds=turn_seconds, cores=cores)
    if not json:
        _show(trial, measured)
    for line in lines(trial.figures, load=load, turns=measured):
        typer.echo(line)
    if not trial.figures.is_clean:
        raise typer.Exit(1)


def lines(figures: Figures, *, load: Load, turns: Turns | None = None) -> list[str]:
    """One JSON line a figure, each with the load that it belongs to."""
    under = {"clients": load.clients, "messages": load.messages, "devices": load.devices}
    given = msgspec.to_builtins(figures) | (msgspec.to_builtins(turns) if turns else {})
    return [
        msgspec.json.encode({"figure": name, "value": value, **under}).decode()
        for name, value in given.items()
    ]


def _show(trial: Trial, turns: Turns | None) -> None:
    console = Console()
    console.print(_table(trial.figures))
    if turns is not None:
        console.print(_turns_table(turns))
    for violation in trial.violations[:SHOWN]:
        console.print(str(violation), style="red", markup=False)
    if len(trial.violations) > SHOWN:
        console.print(f"... and {len(trial.violations) - SHOWN} more")


def _table(figures: Figures) -> Table:
    table = Table("figure", "value", title="parley bench")
    for name, value in (
        ("texts sent / acknowledged / answered", _counts(figures)),
        ("answers a second", f"{figures.answers_per_second:g}"),
        ("text to ack, p50 / p95 / p99", _spread(figures.ack_ms)),
        ("text to complete answer, p50 / p95 / p99", _spread(figures.answer_ms)),
        ("lost", str(figures.lost)),
        ("doubled", str(figures.doubled)),
        ("out of order", str(figures.out_of_order)),
        ("torn answers", str(figures.torn)),
        ("refused", str(figures.refused)),
        ("connections, told gaps", f"{figures.connections}, {figures.gaps}"),
        ("longest without a connection", f"{figures.longest_away_ms:g} ms"),
        ("errors told", ", ".join(f"{k} {v}" for k, v in figures.errors.items()) or "none"),
        ("wall, CPU of the clients", f"{figures.wall:.1f} s, {figures.client_cpu:.1f} s"),
    ):
        table.add_row(name, value)
    return table


def _turns_table(turns: Turns) -> Table:
    table = Table("figure", "value", title=f"{turns.turns} turns of {turns.turn_seconds:g} s")
    rate = "-" if turns.per_core is None else f"{turns.per_core:g}"
    for name, value in (
        (f"turns a second and core, on {turns.cores}", rate),
        ("added from text to answer, p50 / p95 / p99", _spread(turns.added_ms)),
        ("added from ack to answer, p50 / p95 / p99", _spread(turns.added_after_ack_ms)),
        ("added to a turn, p50 / p95 / p99", _spread(turns.added_percent, unit="%")),
    ):
        table.add_row(name, value)
    return table


def _counts(figures: Figures) -> str:
    return f"{figures.texts} / {figures.acknowledged} / {figures.answered}"


def _spread(spread: Spread, *, unit: str = "ms") -> str:
    values = (spread.p50, spread.p95, spread.p99)
    return " / ".join("-" if value is None else f"{value:.1f}" for value in values) + f" {unit}"
