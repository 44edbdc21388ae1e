"""The programs that talk to a cluster: found, run within a time limit, and heard out."""

from __future__ import annotations

import asyncio
import os
import shutil
from functools import cache
from pathlib import Path


class CommandFailed(Exception):
    """A program ended with an error; the text has what it wrote."""


class NotInstalled(Exception):
    """A program is neither on PATH nor in the kit's cache."""


@cache
def tool(name: str) -> str:
    """Path of kind, kubectl, helm or docker."""
    kit = os.environ.get("PARLEY_CLUSTER_CACHE") or Path.home() / ".cache" / "parley-cluster"
    found = shutil.which(name) or shutil.which(name, path=str(Path(kit) / "bin"))
    if found is None:
        raise NotInstalled(f"expected {name} on PATH or in {kit}/bin; there is none")
    return found


async def run(name: str, *args: str, within: float, given: str | None = None) -> str:
    """What the program wrote. `within`: seconds. Raises `CommandFailed`, also when it is late."""
    process = await asyncio.create_subprocess_exec(
        tool(name),
        *args,
        stdin=asyncio.subprocess.PIPE if given is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said = " ".join((name, *args))
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate(None if given is None else given.encode())
    except TimeoutError:
        raise CommandFailed(f"`{said}` did not end within {within:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise CommandFailed(f"`{said}` ended with {process.returncode}:\n{(out + err).decode()}")
    return out.decode()
