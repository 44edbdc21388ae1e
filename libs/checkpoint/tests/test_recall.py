"""What a process remembers of lists is bounded, and the least lately used goes first."""

from __future__ import annotations

from parley_checkpoint.lists import extend
from parley_checkpoint.recall import Recall, Recalled


def _of(size: int) -> Recalled:
    ids = [number.to_bytes(16, "big") for number in range(size)]
    return Recalled(extend(ids, base=None, shared=0).known, ids)


def test_the_least_lately_used_list_goes_first() -> None:
    recall = Recall(most=20)
    for name in ("one", "two", "three"):
        recall.put(("thread", "", name), _of(5))
    recall.get(("thread", "", "one"))

    recall.put(("thread", "", "four"), _of(5))

    assert recall.get(("thread", "", "two")) is None
    assert recall.get(("thread", "", "one")) is not None
    assert len(recall) == 3


def test_elements_count_and_not_lists() -> None:
    recall = Recall(most=20)
    for number in range(9):
        recall.put(("thread", "", str(number)), _of(0))

    recall.put(("thread", "", "long"), _of(15))

    assert recall.get(("thread", "", "long")) is not None
    assert len(recall) == 5


def test_a_list_that_is_too_long_is_not_remembered() -> None:
    recall = Recall(most=20)

    recall.put(("thread", "", "long"), _of(30))

    assert len(recall) == 0


def test_a_list_takes_the_place_of_the_one_before() -> None:
    recall = Recall(most=20)
    for size in range(10):
        recall.put(("thread", "", "grows"), _of(size))
    other = ("thread", "", "other")

    recall.put(other, _of(8))

    assert recall.get(("thread", "", "grows")) == _of(9)
    recall.forget(other)
    recall.forget(other)
    assert len(recall) == 1
