"""How many one-second turns a core of a worker has at once, and what it adds to them.

`make bench-turns` starts one edge and one worker whose graph waits for a second, the worker alone
on a core where the system can do that, and runs `parley bench --turns` against them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import typer

from parley_local.redis_server import RedisServer, find
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.stack import ablated

PARLEY = Path(sys.executable).with_name("parley")
_TICKS = os.sysconf("SC_CLK_TCK")


def main(*, clients: int = 50, messages: int = 20) -> None:
    """Measure one worker on this machine."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        raise typer.Exit(asyncio.run(_measure(Path(folder), clients=clients, messages=messages)))


async def _measure(folder: Path, *, clients: int, messages: int) -> int:
    """The exit code of `parley bench`."""
    async with AsyncExitStack() as stack:
        redis = RedisServer(find(), port=free_port(), folder=folder)
        redis.start()
        stack.callback(redis.stop)
        await redis.wait_ready()
        port = free_port()
        env = {
            **ablated(None),
            "REDIS_URL": redis.url,
            "WEBSOCKET_PORT": str(port),
            "HTTP_PORT": str(free_port()),
            "MAX_RUNNING_TURNS": str(max(64, 2 * clients)),
            "PARLEY_GRAPH": "parley_testing.graphs:one_second",
        }
        services = [
            ServiceProcess(module, admin_port=free_port(), env=env | {"SERVER_ID": module})
            for module in ("parley_edge", "parley_conversation")
        ]
        for service in services:
            await stack.enter_async_context(service)
        worker = services[-1].pid
        typer.echo(_separate([os.getpid(), redis.pid, services[0].pid], worker))
        cpu, waited = _cpu(worker), _waited(worker)
        code = _bench(f"ws://127.0.0.1:{port}/ws", clients=clients, messages=messages)
        cpu, waited = _cpu(worker) - cpu, _waited(worker) - waited
        turns = clients * messages
        typer.echo("aim: at most 5 % added to 50 turns of 1 s at once")
        typer.echo(f"worker CPU: {cpu:.1f} s, {1000 * cpu / turns:.1f} ms a turn")
        typer.echo(f"ready and not running: {waited:.1f} s, {1000 * waited / turns:.1f} ms a turn")
        return code


def _bench(url: str, *, clients: int, messages: int) -> int:
    options = ("--clients", str(clients), "--messages", str(messages), "--turns")
    return subprocess.run([PARLEY, "bench", "--url", url, *options], check=False).returncode


def _separate(others: list[int], worker: int) -> str:
    """Give the worker a core that none of the others runs on."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        return "the worker shares its core: this system cannot give it one"
    cores = os.sched_getaffinity(0)
    own = max(cores)
    for pid in others:
        _pin(pid, cores - {own})
    _pin(worker, {own})
    return f"the worker is alone on core {own}"


def _pin(pid: int, cores: set[int]) -> None:
    """All threads that the process has."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def _cpu(pid: int) -> float:
    """Seconds that a process has used so far; 0 where that cannot be read."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    # The name in parentheses may have blanks; user and system time are the 14th and 15th field.
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _waited(pid: int) -> float:
    """Seconds that its threads were ready to run and could not; 0 where that cannot be read."""
    threads = Path(f"/proc/{pid}/task")
    if not threads.exists():
        return 0.0
    delays = [int((thread / "schedstat").read_text().split()[1]) for thread in threads.iterdir()]
    return sum(delays) / 1e9


if __name__ == "__main__":
    typer.run(main)
