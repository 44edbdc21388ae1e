"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Url = Annotated[str, typer.Option("--url", envvar="PARLEY_URL", help="Where the edges listen.")]
URL = "ws://localhost:8765"
