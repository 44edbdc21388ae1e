"""The lines of a child process."""

from __future__ import annotations

import asyncio

from parley_local.child import lines_of


async def lines(*chunks: bytes) -> list[str]:
    """What comes of a stream that brings these chunks."""
    stream = asyncio.StreamReader()
    for chunk in chunks:
        stream.feed_data(chunk)
    stream.feed_eof()
    return [line async for line in lines_of(stream)]


async def test_lines_come_whole_also_the_last_one_without_an_end() -> None:
    assert await lines(b"one\ntw", b"o\r\n\nthree") == ["one", "two", "", "three"]


async def test_a_line_without_end_comes_in_pieces_and_fills_no_memory() -> None:
    found = await lines(b"x" * 200_000, b"\nshort\n")

    assert "".join(found[:-1]) == "x" * 200_000
    assert max(map(len, found)) <= 2 * 65_536
    assert found[-1] == "short"


async def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert await lines(b"a\xff\n") == ["a\ufffd"]
