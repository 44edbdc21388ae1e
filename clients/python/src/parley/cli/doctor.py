"""`parley doctor`: what is reachable, in which version, and how far behind."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
from rich.console import Console
from rich.table import Table

import parley
from parley.cli.options import URL, Url
from parley.session import Session, new_id
from parley_core.domain import server_frames as wire

PATIENCE = 5.0
"""Seconds for each finding."""
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
LOCAL_ADMINS = tuple(f"http://localhost:{port}" for port in range(8766, 8771))
LOCAL_PRESENCE = "http://localhost:8781"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool
    detail: str


def doctor(
    url: Url = URL,
    *,
    admin: Annotated[
        list[str] | None,
        typer.Option(help="An admin address, http://HOST:PORT; may be repeated."),
    ] = None,
    presence: Annotated[
        str | None, typer.Option(help="The presence service, http://HOST:PORT.")
    ] = None,
) -> None:
    """Look at every part; exit with 1 if one does not work.

    Of a server on this machine all parts that `make up` starts are looked at; elsewhere those
    that are named.
    """
    is_here = urlsplit(url).hostname in LOCAL
    admins = admin or (LOCAL_ADMINS if is_here else ())
    findings = asyncio.run(
        examine(url, admins=admins, presence=presence or (LOCAL_PRESENCE if is_here else None))
    )
    table = Table("what", "", "detail", title="parley doctor")
    for finding in findings:
        table.add_row(finding.what, "ok" if finding.is_well else "BAD", finding.detail)
    Console().print(table)
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


async def examine(url: str, *, admins: Sequence[str], presence: str | None) -> list[Finding]:
    """All findings, in the order of the parts."""
    own = Finding("this client", is_well=True, detail=f"parley {version('parley')}, protocol 1")
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        looks = [_talk(url), *(_ready(http, address) for address in admins)]
        if presence is not None:
            looks.append(_processes(http, presence))
        found = await asyncio.gather(*looks)
    return [own, *itertools.chain.from_iterable(found)]


async def _talk(url: str) -> list[Finding]:
    """Two devices of one user: the round trip of one, and what one hears of the other."""
    user = f"doctor-{new_id()[:8]}"
    findings: list[Finding] = []
    try:
        async with (
            asyncio.timeout(PATIENCE),
            _device(url, user=user, device="one") as one,
            _device(url, user=user, device="two") as two,
        ):
            findings.append(_well(url, f"protocol 1, session {one.session_id}"))
            trip = await one.ping()
            findings.append(_well("round trip", f"{1000 * trip:.1f} ms"))
            heard = await _feed_lag(one, two)
            findings.append(_well("from one device to another", f"{1000 * heard:.1f} ms"))
    except (parley.Refused, parley.Ended, parley.Lost) as error:
        findings.append(_bad(url, str(error)))
    except TimeoutError:
        findings.append(_bad(url, f"not everything came within {PATIENCE:g} s"))
    return findings


def _device(url: str, *, user: str, device: str) -> Session:
    return parley.connect(url, user_id=user, device_id=device, patience=PATIENCE)


async def _feed_lag(speaker: Session, listener: Session) -> float:
    """Seconds until `listener` hears that `speaker` types: through Redis, without a trace."""
    began = time.monotonic()
    await speaker.typing(is_typing=True)
    async for event in listener:
        if isinstance(event, wire.Typing):
            break
    return time.monotonic() - began


async def _ready(http: httpx.AsyncClient, address: str) -> list[Finding]:
    """A process that says whether it is ready, and whether it reaches Redis."""
    try:
        ready = await http.get(f"{address}/readyz")
        metrics = await http.get(f"{address}/metrics")
    except httpx.HTTPError as error:
        return [_bad(address, f"cannot be reached: {type(error).__name__}")]
    redis = metric(metrics.text, "parley_redis_up")
    state = "not known" if redis is None else ("up" if redis else "away")
    detail = f"{ready.text.strip()}; Redis {version_in(metrics.text)}{state}"
    return [Finding(address, is_well=ready.is_success and redis != 0.0, detail=detail)]


async def _processes(http: httpx.AsyncClient, address: str) -> list[Finding]:
    """The presence service, and which processes it sees."""
    try:
        reply = await http.get(f"{address}/v1/presence/parley-doctor")
    except httpx.HTTPError as error:
        return [_bad(f"{address}/v1", f"cannot be reached: {type(error).__name__}")]
    # A stranger is refused: the service answers, and that is what is looked at.
    is_well = reply.is_success or reply.status_code in (401, 403)
    return [Finding(f"{address}/v1", is_well=is_well, detail=f"answers {reply.status_code}")]


def metric(text: str, name: str) -> float | None:
    """The value of a metric without labels in Prometheus' text format; None if it is not there."""
    for line in text.splitlines():
        found, _, value = line.partition(" ")
        if found == name:
            return float(value)
    return None


def version_in(text: str) -> str:
    """The version of Redis that a service met at its start, and a blank; empty if it tells none."""
    found = re.search(r'^parley_redis_info\{version="([\d.]+)"\} 1', text, re.MULTILINE)
    return f"{found[1]} " if found else ""


def _well(what: str, detail: str) -> Finding:
    return Finding(what, is_well=True, detail=detail)


def _bad(what: str, detail: str) -> Finding:
    return Finding(what, is_well=False, detail=detail)
