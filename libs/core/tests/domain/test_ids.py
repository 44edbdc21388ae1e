from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from parley_core.domain.ids import (
    PARTITIONS,
    Partition,
    UserId,
    new_session_id,
    partition_of,
    process_id,
    server_of,
    session_partition,
    tag_of,
)

names = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)
nonces = st.text("0123456789abcdef", min_size=1)


@given(owner=names, nonce=nonces)
def test_a_session_lives_in_its_owners_partition(owner: str, nonce: str) -> None:
    session = new_session_id(UserId(owner), nonce=nonce)

    assert session_partition(session) == partition_of(owner)


@given(partition=st.integers(0, PARTITIONS - 1), rest=names)
def test_an_id_that_begins_with_a_partitions_tag_names_it(partition: int, rest: str) -> None:
    assert session_partition(tag_of(Partition(partition)) + rest) == partition


@example("-1a")
@example("+1a")
@example(" 1a")
@example("0Aa")
@example("40a")
@example("00")
@example("١٢a")  # digits to Python, not to Redis
@given(st.text())
def test_an_id_names_a_partition_by_its_tag_alone(session: str) -> None:
    tags = [tag_of(Partition(number)) for number in range(PARTITIONS)]
    named = tags.index(session[:2]) if session[:2] in tags and len(session) > 2 else None

    assert session_partition(session) == named


@given(server=names, boot=nonces)
def test_a_process_tells_its_server(server: str, boot: str) -> None:
    assert server_of(process_id(server, boot=boot)) == server
