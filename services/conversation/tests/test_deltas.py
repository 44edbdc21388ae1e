from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from parley_conversation.deltas import PERIOD, DeltaStream
from parley_conversation.domain.transcript import Piece, Transcript


class Wire:
    """Where deltas go; `slow` seconds for each."""

    def __init__(self, *, slow: float = 0.0) -> None:
        self.sent: list[Piece] = []
        self.shown: list[str] = []
        self.times: list[float] = []
        self.under_way = 0
        self._slow = slow

    async def send(self, piece: Piece) -> None:
        assert self.under_way == 0, "a piece was sent before the one before it was answered"
        self.under_way += 1
        self.times.append(monotonic())
        await asyncio.sleep(self._slow)
        self.under_way -= 1
        self.sent.append(piece)

    async def show(self, node: str) -> None:
        self.shown.append(node)


async def written(wire: Wire, *, words: int, each: float) -> str:
    async with DeltaStream(Transcript(""), wire.send, wire.show) as deltas:
        for number in range(words):
            deltas.say("m", f"{number} ")
            await asyncio.sleep(each)
    return "".join(f"{number} " for number in range(words))


async def test_pieces_come_in_order_about_25_a_second() -> None:
    wire = Wire()

    text = await written(wire, words=60, each=0.005)

    joined = "".join(piece.text for piece in wire.sent)
    assert text.startswith(joined)
    assert [piece.offset for piece in wire.sent] == [
        len("".join(piece.text for piece in wire.sent[:index])) for index in range(len(wire.sent))
    ]
    gaps = [after - before for before, after in zip(wire.times, wire.times[1:], strict=False)]
    assert min(gaps) >= PERIOD * 0.9
    assert len(wire.sent) >= 4


async def test_the_first_word_is_not_held_back() -> None:
    wire = Wire()

    await written(wire, words=1, each=0.01)

    assert wire.sent == [Piece(0, "0 ")]


async def test_while_sending_is_slow_the_text_gathers() -> None:
    wire = Wire(slow=0.1)

    await written(wire, words=50, each=0.005)

    assert 1 <= len(wire.sent) <= 3


async def test_what_breaks_the_stream_is_raised_at_its_end() -> None:
    async def broken(piece: Piece) -> None:
        raise ValueError("a hole")

    async def speak() -> None:
        async with DeltaStream(Transcript(""), broken, Wire().show) as deltas:
            deltas.say("m", "word")
            await asyncio.sleep(0.01)

    with pytest.raises(ValueError, match="a hole"):
        await speak()


async def test_the_graphs_own_error_is_not_hidden_by_the_streams() -> None:
    async def broken(piece: Piece) -> None:
        raise ValueError("a hole")

    async def graph() -> None:
        async with DeltaStream(Transcript(""), broken, Wire().show) as deltas:
            deltas.say("m", "word")
            await asyncio.sleep(0.01)
            raise KeyError("the graph's")

    with pytest.raises(KeyError):
        await graph()


async def test_a_node_that_runs_for_a_while_is_shown_once_and_a_quick_one_is_not() -> None:
    wire = Wire()

    async with DeltaStream(Transcript(""), wire.send, wire.show) as deltas:
        deltas.doing(("quick",))
        deltas.doing(("slow", "other"))
        await asyncio.sleep(PERIOD * 2)
        deltas.doing(("slow",))
        await asyncio.sleep(PERIOD * 2)

    assert wire.shown == ["slow", "other"]
