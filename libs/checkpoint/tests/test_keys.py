"""Names that others rely on, and places that configs point at."""

from __future__ import annotations

import pytest
from redis.crc import key_slot

from parley_checkpoint.keys import Names, own_tag
from parley_checkpoint.place import Place, place_of


def test_the_four_keys_have_the_names_that_sessions_renew_and_delete() -> None:
    names = Names("parley", lambda thread: thread[:2])

    assert names.keys("3f-session") == [
        "parley:{3f}:ckpt:3f-session:index",
        "parley:{3f}:ckpt:3f-session:data",
        "parley:{3f}:ckpt:3f-session:writes",
        "parley:{3f}:ckpt:3f-session:blobs",
    ]


@pytest.mark.parametrize("thread", ["thread", "a:b", "{x}", "x}y", "日本"])
def test_all_keys_of_a_thread_share_a_slot_and_name_it(thread: str) -> None:
    names = Names("parley", own_tag)

    keys = names.keys(thread)

    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert names.thread_of(keys[0]) == thread


def test_a_place_goes_there_and_back() -> None:
    place = Place("thread", "child:1", "1f00")

    assert place_of(place.config) == place


def test_a_namespace_that_would_split_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        place_of({"configurable": {"thread_id": "thread", "checkpoint_ns": "a\0b"}})
