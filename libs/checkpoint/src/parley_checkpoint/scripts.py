"""The Lua files as scripts: read once, with what they include, known by their SHA1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files

_OPERATIONS = (
    "checkpoint",
    "writes",
    "read",
    "history",
    "rewind",
    "keep_newest",
    "forget",
    "export",
    "import",
)
_INCLUDE = re.compile(r"^-- include: (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """One atomic operation."""

    name: str
    source: str
    sha: str


@cache
def script(name: str) -> Script:
    """The operation in `lua/<name>.lua`. A line `-- include: x` stands for `lua/lib/x.lua`."""
    source = _INCLUDE.sub(lambda match: _read(f"lib/{match[1]}"), _read(name))
    # Redis knows a script by the SHA1 of its text; nothing is secret here.
    return Script(name, source, sha1(source.encode(), usedforsecurity=False).hexdigest())


def every_script() -> tuple[Script, ...]:
    """All operations, for an executor that loads them when it connects."""
    return tuple(map(script, _OPERATIONS))


def _read(name: str) -> str:
    return files(__package__).joinpath(f"lua/{name}.lua").read_text("utf-8")
