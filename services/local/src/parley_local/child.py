"""One service as a child process: started, its lines passed on, ready, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping

import httpx

from parley_core.domain.errors import PermanentError
from parley_core.domain.ids import ProcessId, process_id
from parley_local.mortality import end_with_parent
from parley_local.plan import Part

_LOOK_EACH = 0.1
"""Seconds between two looks at whether a process is ready."""
_ORDERED_WITHIN = 1.0
"""Seconds that a process has to take an order."""
_LONGEST_LINE = 65_536
"""Bytes after which a line is broken in two."""


class Child:
    """One part of the plan; it may be started again after it ended."""

    def __init__(
        self,
        part: Part,
        *,
        environment: Mapping[str, str],
        new_boot: Callable[[], str],
        write: Callable[[str], None],
    ) -> None:
        """`environment`: the parent's; `write` gets each line of its output."""
        self.part = part
        self._environment = environment
        self._new_boot = new_boot
        self._write = write
        self._boot = ""
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None

    @property
    def process(self) -> ProcessId:
        """The id under which Redis knows this start of the service."""
        return process_id(self.part.name, boot=self._boot)

    async def start(self) -> int:
        """Its process id on this machine."""
        self._boot = self._new_boot()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.part.module),
            env={**self._environment, **self.part.environment, "PARLEY_BOOT": self._boot},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C goes to all of a terminal's group at once; these are stopped in order, by us.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self._output = asyncio.create_task(
            self._pass_on(self._process.stdout), name=f"output of {self.part.name}"
        )
        return self._process.pid

    async def ready(self, *, within: float) -> None:
        """Raises `PermanentError` if it ends first, or is not ready `within` seconds."""
        try:
            async with asyncio.timeout(within), httpx.AsyncClient(trust_env=False) as client:
                while not await self._is_ready(client):
                    await asyncio.sleep(_LOOK_EACH)
        except TimeoutError:
            raise PermanentError(
                f"{self.part.name} was not ready within {within:.0f} s: see its lines above."
            ) from None

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        if self._process is not None and self._process.returncode is not None:
            code = await self.ended()
            raise PermanentError(
                f"{self.part.name} ended with exit code {code} at its start: see its lines above."
            )
        try:
            return (await client.get(self.part.health, timeout=1.0)).is_success
        except httpx.TransportError:
            return False

    async def ended(self) -> int:
        """Its exit code, when it has ended and its last line is written; 0 if it never ran."""
        if self._process is None or self._output is None:
            return 0
        code = await self._process.wait()
        await asyncio.wait([self._output])
        return code

    async def order_drain(self, *, within: float, token: str) -> None:
        """Have it drain in `within` seconds, which a longer drain that it is told of later does
        not undo. `token`: the service token, empty if there is none.

        Harmless if it cannot hear that, or does not take it.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(trust_env=False, timeout=_ORDERED_WITHIN) as client:
            with contextlib.suppress(httpx.TransportError):
                await client.post(
                    f"{self.part.admin_url}/drain", params={"within": within}, headers=headers
                )

    async def stop(self, *, within: float, hurry: asyncio.Event) -> int:
        """Ask it to drain and end; after `within` seconds, or in a `hurry`, by force."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            hurried = asyncio.create_task(hurry.wait())
            ended = asyncio.create_task(self._process.wait())
            await asyncio.wait([hurried, ended], timeout=within, return_when="FIRST_COMPLETED")
            for waiter in (hurried, ended):
                waiter.cancel()
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        return await self.ended()

    async def _pass_on(self, output: asyncio.StreamReader | None) -> None:
        if output is None:
            return
        async for line in lines_of(output):
            self._write(line)


async def lines_of(output: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines until the end; one that is too long comes in pieces."""
    rest = b""
    while chunk := await output.read(_LONGEST_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            yield line.decode(errors="replace").rstrip()
    if rest:
        yield rest.decode(errors="replace").rstrip()


def inherited() -> dict[str, str]:
    """The environment of this process, for its children."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
