"""What an edge costs and how it behaves, beside servers that do less.

`make bench-edge` runs all scenarios, `make bench-edge ARGS="fanout echo"` those that are named. It
prints a table a scenario and one JSON line a figure. Exits with 1 if a load was not kept up with,
or anything was lost or doubled: such a figure is none. An aim that is missed is said in the table.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
import uvloop
from httpx import HTTPError
from rich.console import Console

from parley_testing.edge_bench import cores
from parley_testing.edge_bench.figures import Report, is_sound, lines, table
from parley_testing.edge_bench.scenarios import SCENARIOS, shown, sized
from parley_testing.edge_bench.sockets import Refused

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


_SCENARIOS = typer.Argument(help=f"{', '.join(SCENARIOS)}; all by default")
_SIZE = typer.Option(help="fanout.connections=100, say; values are JSON")
_SIZES = typer.Option(help="show all sizes and do nothing")


@app.command()
def main(
    scenarios: Annotated[list[str] | None, _SCENARIOS] = None,
    *,
    size: Annotated[list[str] | None, _SIZE] = None,
    sizes: Annotated[bool, _SIZES] = False,
) -> None:
    """Measure on this machine."""
    try:
        chosen = sized(size or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if sizes:
        typer.echo("\n".join(shown(chosen)))
        return
    unknown = set(scenarios or ()) - set(SCENARIOS)
    if unknown:
        raise typer.BadParameter(f"no scenario is called {', '.join(sorted(unknown))}")
    cores.for_load()
    console = Console(width=140)
    console.print(cores.sentence())
    reports = []
    for name in scenarios or SCENARIOS:
        report = _measured(name, chosen[name])
        reports.append(report)
        console.print(table(report))
        for line in lines(report):
            typer.echo(line)
        for failure in report.failures:
            console.print(f"FAILED {report.scenario}: {failure}", style="red")
    if not is_sound(reports):
        raise typer.Exit(1)


def _measured(name: str, size: Any) -> Report:
    """A server that does not answer has failed; the other scenarios are measured all the same."""
    run, _ = SCENARIOS[name]
    try:
        return uvloop.run(run(size))
    except (OSError, Refused, HTTPError) as error:
        report = Report(name, "")
        report.fail(f"a server did not answer: {error!r}")
        return report


if __name__ == "__main__":
    app()
