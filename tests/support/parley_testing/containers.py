"""Containers of a test: started from images that are here, looked into, and removed."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

_CALL_WITHIN = 60.0
_LONGEST_LOG = 4_000
_WRITABLE = "/tmp"  # noqa: S108  # the one place in a container that can be written to
_DOCKER = shutil.which("docker") or "docker"


def docker(*arguments: str, within: float = _CALL_WITHIN, stdin: bytes | None = None) -> str:
    """What a docker command writes. Fails with what it said if it fails, or takes `within` s."""
    done = subprocess.run(
        [_DOCKER, *arguments], input=stdin, capture_output=True, timeout=within, check=False
    )
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {said[-_LONGEST_LOG:]}"
    return done.stdout.decode(errors="replace")


def inspect_image(image: str) -> dict[str, Any]:
    """Fails with docker's own words if the image is not here."""
    found: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]
    return found


def run_in(image: str, *command: str, user: str | None = None) -> str:
    """What a command writes in a fresh container without network and with a read-only root.

    `user`: another one than the image's.
    """
    return docker(
        *("run", "--rm", "--network", "none", "--read-only", "--tmpfs", _WRITABLE),
        *(() if user is None else ("--user", user)),
        *("--entrypoint", command[0], image, *command[1:]),
    )


@dataclass(frozen=True)
class Container:
    """One that runs, by its name."""

    name: str

    def address(self, port: int) -> str:
        """HOST:PORT on this machine at which a published port is reached."""
        return docker("port", self.name, str(port)).splitlines()[0]

    def log(self) -> str:
        done = subprocess.run(
            [_DOCKER, "logs", self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_CALL_WITHIN,
            check=True,
        )
        return done.stdout.decode(errors="replace")

    def execute(self, *command: str, stdin: bytes | None = None) -> str:
        """What a command writes inside, as the container's own user."""
        return docker("exec", "-i", self.name, *command, stdin=stdin)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(docker("inspect", self.name))[0]["State"]
        return found

    def wait_ready(self, *, port: int, within: float) -> float:
        """Until /readyz of a published port answers 200; the seconds that took from here."""
        url = f"http://{self.address(port)}/readyz"
        started = time.monotonic()
        while not _answers_ready(url):
            assert self.state()["Running"], f"{self.name} ended:\n{self.log()[-_LONGEST_LOG:]}"
            late = time.monotonic() - started > within
            assert not late, f"{self.name} is not ready:\n{self.log()[-_LONGEST_LOG:]}"
            time.sleep(0.05)
        return time.monotonic() - started

    def wait_logged(self, text: str, *, times: int, within: float) -> None:
        """Until the log has a text so many times."""
        until = time.monotonic() + within
        while self.log().count(text) < times:
            assert time.monotonic() < until, (
                f"{self.name} did not log {text!r} {times} times:\n{self.log()[-_LONGEST_LOG:]}"
            )
            time.sleep(0.1)

    def terminate(self, *, within: float) -> int:
        """SIGTERM, and the exit code of its first process. Fails if that does not go in time."""
        docker("kill", "--signal", "TERM", self.name)
        return int(docker("wait", self.name, within=within))


def _answers_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@contextmanager
def network() -> Iterator[str]:
    """A network of its own, by its name."""
    name = f"parley-test-{secrets.token_hex(4)}"
    docker("network", "create", name)
    try:
        yield name
    finally:
        docker("network", "rm", name)


@contextmanager
def running(image: str, *options: str) -> Iterator[Container]:
    """A container of `docker run`'s options, removed outside."""
    name = f"parley-test-{secrets.token_hex(4)}"
    try:
        docker("run", "--detach", "--name", name, *options, image)
        yield Container(name)
    finally:
        # Whether or not it came to be.
        docker("rm", "--force", "--volumes", name)
