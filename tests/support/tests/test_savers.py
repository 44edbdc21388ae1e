"""What savers are measured with: the conversations, the comparison, the figures."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from parley_testing.savers.chat import TEXT, converse, question, threads
from parley_testing.savers.contenders import MEMORY, PARLEY_KEPT, PUBLISHED
from parley_testing.savers.gauge import Cost
from parley_testing.savers.tables import Row, lines, ratio
from parley_testing.savers.twins import Comparison, Kepts, compare, kept

NAMES = threads(2)


@pytest.fixture
async def reference() -> Kepts:
    """What LangGraph's own saver has of two conversations of two turns."""
    saver = InMemorySaver()
    await converse(saver, NAMES, turns=2, durability="sync")
    return await kept(saver, NAMES)


def test_texts_are_distinct_and_of_one_length() -> None:
    texts = [question(name, turn).text for name in threads(8) for turn in range(100)]

    assert len(set(texts)) == len(texts)
    assert {len(text) for text in texts} == {TEXT}
    assert question("a", 1) == question("a", 1)


async def test_a_turn_has_five_checkpoints_and_the_same_is_equal(reference: Kepts) -> None:
    again = InMemorySaver()
    await converse(again, NAMES, turns=2, durability="sync")

    found = compare(await kept(again, NAMES), reference)

    assert found == Comparison(kept=20, values=20, equal=20, differences=())


async def test_fewer_checkpoints_may_be_kept_but_not_other_ones(reference: Kepts) -> None:
    fewer = copy.deepcopy(reference)
    fewer[NAMES[0]] = {max(fewer[NAMES[0]]): fewer[NAMES[0]][max(fewer[NAMES[0]])]}
    lacking = copy.deepcopy(reference)
    del lacking[NAMES[1]][max(lacking[NAMES[1]])]

    assert compare(fewer, reference) == Comparison(kept=11, values=11, equal=11, differences=())
    assert "its newest checkpoint is not there" in compare(lacking, reference).differences[0]


async def test_other_content_is_seen(reference: Kepts) -> None:
    changed = copy.deepcopy(reference)
    content = changed[NAMES[0]][0]
    content.values["messages"][0].content = "edited in place"
    renamed = copy.deepcopy(reference)
    renamed[NAMES[0]][0] = replace(content, values=reference[NAMES[0]][0].values, run_id="")

    edited, lost_run = compare(changed, reference), compare(renamed, reference)

    assert (edited.values, edited.equal) == (19, 19)
    assert "messages" in edited.differences[0]
    assert (lost_run.values, lost_run.equal) == (20, 19)
    assert "run ''" in lost_run.differences[0]


def _row(saver: str, cpu: float) -> Row:
    return Row(
        saver=saver,
        exact=saver != PUBLISHED,
        turns=100,
        durability="sync",
        conversations=8,
        cost=Cost(wall=2 * cpu, client_cpu=cpu / 2, redis_cpu=cpu / 2, memory=800_000),
        comparison=Comparison(kept=10, values=10, equal=9, differences=("one",)),
    )


def test_rates_are_compared_by_what_both_took_of_a_core() -> None:
    rows = [_row(MEMORY, 2.0), _row(PUBLISHED, 20.0), _row(PARLEY_KEPT, 4.0)]

    assert ratio(rows, rows[2], to=MEMORY) == pytest.approx(0.5)
    assert ratio(rows, rows[2], to=PUBLISHED) == pytest.approx(5.0)
    assert ratio(rows[2:], rows[2], to=PUBLISHED) is None
    assert rows[2].turns_a_second == pytest.approx(100.0)


def test_lines_have_a_figure_its_load_and_its_aim() -> None:
    rows = [_row(MEMORY, 2.0), _row(PUBLISHED, 20.0), _row(PARLEY_KEPT, 4.0)]

    told = [json.loads(line) for line in lines(rows, {}, None)]

    of_ours = {each["figure"]: each for each in told if each["saver"] == PARLEY_KEPT}
    assert of_ours["KB a conversation"]["value"] == 100
    assert of_ours["KB a conversation"]["aim"] == "<= 300"
    assert of_ours["x memory"] == {
        "figure": "x memory",
        "value": 0.5,
        "saver": PARLEY_KEPT,
        "turns": 100,
        "durability": "sync",
        "aim": ">= 0.6",
    }
    assert of_ours["checkpoints that differ"]["value"] == 1
