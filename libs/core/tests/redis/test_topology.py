"""What a Cluster says about where keys live."""

from __future__ import annotations

from parley_core.redis.refusals import ErrorReply
from parley_core.redis.topology import Redirect, primaries, redirect, slot_of
from parley_core.redis.wire import Address

ASKED = Address("10.0.0.9", 7009)


def test_keys_with_one_hash_tag_share_a_slot() -> None:
    assert slot_of("p:{0a}:log:x") == slot_of("p:{0a}:meta:x") == slot_of("0a")


def test_a_redirect_names_a_slot_and_an_address_even_an_ipv6_one() -> None:
    moved = redirect(ErrorReply("MOVED 3999 fd00::1:6381"), asked=ASKED)

    assert moved == Redirect(3999, Address("fd00::1", 6381))


def test_a_node_that_does_not_know_its_name_means_the_host_that_was_asked() -> None:
    moved = redirect(ErrorReply("ASK 1 :6381"), asked=ASKED)
    found = list(primaries([[0, 99, [b"", 7001, b"id"]], [100, 199, [None, 7002]]], asked=ASKED))

    assert moved.address == Address("10.0.0.9", 6381)
    assert [address.host for _, address in found] == ["10.0.0.9", "10.0.0.9"]


def test_only_the_first_node_of_a_range_is_its_primary() -> None:
    reply = [[0, 1, [b"a", 1, b"id"], [b"replica", 2, b"id"]], [2, 3, [b"b", 3, b"id", []]]]

    assert list(primaries(reply, asked=ASKED)) == [
        (range(2), Address("a", 1)),
        (range(2, 4), Address("b", 3)),
    ]
