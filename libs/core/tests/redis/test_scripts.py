"""What every Lua file keeps to, read from its text."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from parley_core.redis.scripts import Script, every_script, script

_CALL = re.compile(r"redis\.call\((?P<verb>[^,()]+), (?P<key>[^,)]+)")
_PLAIN_KEY = re.compile(
    r"KEYS\[(\d+|at|at \+ 1|index|index \+ [12])\]"  # by its number
    r"|unpack\(KEYS"
    r"|hash|keys\.(online|leaving|user)$"  # lib/depart, which is given KEYS
)
_PUBLISHING = re.compile(r"'S?PUBLISH'|to\.verb|ARGV\[\d+\]")
_KEYLESS = ("'TIME'",)

scripts = pytest.mark.parametrize("given", every_script(), ids=lambda given: given.name)


def head_of(given: Script) -> str:
    """The comment at the top of its file."""
    return "\n".join(re.match(r"(?:--[^\n]*\n)+", given.source + "\n")[0].splitlines())  # type: ignore[index]


@scripts
def test_a_scripts_head_documents_it(given: Script) -> None:
    head = head_of(given)

    assert re.search(r"^-- KEYS \d", head, re.MULTILINE)
    assert ("ARGV" in head) is ("ARGV" in given.source)
    assert re.search(r"^-- Reply: ", head, re.MULTILINE)
    assert re.search(r"^-- By: ", head, re.MULTILINE)
    assert re.search(r"[Rr]epeat|Reads only", head)


@scripts
def test_a_scripts_head_names_every_key_that_it_uses(given: Script) -> None:
    body = given.source.removeprefix(head_of(given))
    documented = {
        number
        for low, high in re.findall(r"(?:KEYS | )(\d+)(?:-(\d+))? (?=[a-z])", head_of(given))
        for number in range(int(low), int(high or low) + 1)
    }

    used = {int(number) for number in re.findall(r"KEYS\[(\d+)\]", body)}

    assert used <= documented


@scripts
def test_no_script_makes_up_a_key(given: Script) -> None:
    for call in _CALL.finditer(given.source):
        if call["verb"] not in _KEYLESS and not _PUBLISHING.fullmatch(call["verb"]):
            assert _PLAIN_KEY.match(call["key"].strip()), call[0]


def test_every_file_of_lib_is_included_somewhere() -> None:
    folder = files("parley_core.redis").joinpath("lua")
    heads = "".join(
        path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith(".lua")
    )

    parts = {path.name.removesuffix(".lua") for path in folder.joinpath("lib").iterdir()}

    assert parts == set(re.findall(r"^-- include: (\w+)$", heads, re.MULTILINE))


def test_an_include_is_in_the_scripts_text() -> None:
    assert "local function keep_alive()" in script("append").source
    assert "-- include:" not in script("append").source
