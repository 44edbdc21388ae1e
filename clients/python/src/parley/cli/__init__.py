"""The command line: `parley chat`, `parley doctor`, `parley bench`."""

from __future__ import annotations

import typer

from parley.cli.bench import bench
from parley.cli.chat import chat
from parley.cli.doctor import doctor

app = typer.Typer(help="Talk to Parley.", no_args_is_help=True, add_completion=False)
app.command()(chat)
app.command()(doctor)
app.command()(bench)
