"""Lists as beginnings of others: by property, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from parley_checkpoint.lists import REPEATED, Extension, KnownList, assemble, extend

IDS = [blake2b(bytes([number]), digest_size=16).digest() for number in range(6)]
ELEMENTS = st.sampled_from(IDS)


@st.composite
def _edits(draw: st.DrawFn) -> list[list[bytes]]:
    """A list through its versions: it grows, is cut, and is changed somewhere."""
    versions = [draw(st.lists(ELEMENTS, max_size=40))]
    for _ in range(draw(st.integers(1, 30))):
        last = versions[-1]
        at = draw(st.integers(0, len(last)))
        versions.append(last[:at] + draw(st.lists(ELEMENTS, max_size=4)) + last[at + 1 :])
    return versions


def _shared(these: Sequence[bytes], those: Sequence[bytes]) -> int:
    same = 0
    while same < min(len(these), len(those)) and these[same] == those[same]:
        same += 1
    return same


def _put(ids: Sequence[bytes], base: KnownList | None, contents: dict[bytes, bytes]) -> Extension:
    shared = _shared(ids, base.ids) if base else 0
    extension = extend(ids, base=base, shared=shared)
    contents.setdefault(extension.known.id, extension.content)
    return extension


@given(_edits())
def test_each_version_is_what_it_was(versions: list[list[bytes]]) -> None:
    contents: dict[bytes, bytes] = {}
    base = None

    for ids in versions:
        base = _put(ids, base, contents).known

        assert list(assemble(base.id, contents).ids) == ids


@given(_edits())
def test_a_reader_builds_on_a_list_as_its_writer_does(versions: list[list[bytes]]) -> None:
    contents: dict[bytes, bytes] = {}
    *before, last = versions
    written = None
    for ids in before:
        written = _put(ids, written, contents).known
    assert written is not None

    read = assemble(written.id, contents)

    for base in (read, written):
        more = dict(contents)
        known = _put(last, base, more).known
        assert list(assemble(known.id, more).ids) == last


@given(_edits())
def test_what_is_followed_is_bounded_by_the_list(versions: list[list[bytes]]) -> None:
    """Otherwise a list that is edited for ever would take ever longer to read."""
    base = None

    for ids in versions:
        base = extend(ids, base=base, shared=_shared(ids, base.ids) if base else 0).known

        assert sum(each.own for each in base.segments) <= 2 * len(ids) + 32
        assert len(base.segments) <= len(ids) / REPEATED + 1


def test_a_list_that_grows_names_what_was_added_and_a_few_more() -> None:
    ids: list[bytes] = []
    base: KnownList | None = None
    named = []

    for number in range(2000):
        ids = [*ids, number.to_bytes(16, "big")]
        extension = extend(ids, base=base, shared=len(ids) - 1)
        base = extension.known
        named.append((len(extension.content) - 20) // 16)

    assert max(named) <= REPEATED
    assert sum(named) / len(named) <= (REPEATED + 1) / 2
    assert base is not None
    assert len(base.segments) == 2000 / REPEATED


def test_an_edit_at_the_end_again_and_again_stays_one_step() -> None:
    start = extend(IDS[:2], base=None, shared=0).known
    base = start

    for number in range(200):
        ids = [IDS[0], number.to_bytes(16, "big")]
        base = extend(ids, base=base, shared=1).known

        assert len(base.segments) == 1
