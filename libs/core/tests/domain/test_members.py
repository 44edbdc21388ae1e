from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.ids import UserId
from parley_core.domain.members import Role, may_write, mentions_agent, role_of

ANN = UserId("ann")


@pytest.mark.parametrize(
    "content",
    ["@agent", "@Agent, please", "hey @AGENT!", "(@agent)", "well,@agent?", "@agent's", "я @agent"],
)
def test_who_calls_the_agent_mentions_it(content: str) -> None:
    assert mentions_agent(content)


@pytest.mark.parametrize(
    "content", ["agent", "@agents", "me@agent", "@agent-smith", "@ agent", "@agent_2", "@agentur"]
)
def test_another_word_does_not(content: str) -> None:
    assert not mentions_agent(content)


@given(st.text(), st.text())
def test_a_word_of_its_own_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert mentions_agent(f"{before} @agent {after}")


@given(st.lists(st.sampled_from(["@agent", "@AgEnt", "@", "a", "_", "-", "é", " ", "."])))
def test_it_is_a_word_if_no_other_begins_or_goes_on_there(pieces: list[str]) -> None:
    content = "".join(pieces)
    called = [at for at in range(len(content)) if content[at : at + 6].lower() == "@agent"]

    assert mentions_agent(content) == any(
        not _in_word(content[at - 1 : at]) and not _in_word(content[at + 6 : at + 7], also="-")
        for at in called
    )


def _in_word(character: str, also: str = "") -> bool:
    return bool(character) and (character.isalnum() or character in "_" + also)


def test_only_owner_and_members_write() -> None:
    assert {role for role in [*Role, None] if may_write(role)} == {Role.OWNER, Role.MEMBER}


@pytest.mark.parametrize("stored", ["", "member"])
def test_an_owner_is_one_whatever_else_is_stored(stored: str) -> None:
    assert role_of(ANN, owner="ann", stored=stored) is Role.OWNER


def test_whoever_is_not_stored_is_not_in_it() -> None:
    assert role_of(ANN, owner="bob", stored="viewer") is Role.VIEWER
    assert role_of(ANN, owner="bob", stored="") is None
    assert role_of(ANN, owner="", stored="") is None
