from __future__ import annotations

from parley_conversation.domain.said import Role, Said
from parley_conversation.memory import remembered
from parley_core.domain.ids import TurnId
from parley_core.redis.conversations import RedisConversations
from parley_testing.desk import Desk
from parley_testing.talk import Talk


async def test_it_reads_the_whole_log_page_by_page(
    desk: Desk, talk: Talk, store: RedisConversations
) -> None:
    count = 120  # with their answers more than two pages

    turns = [await talk.say(f"text {number}") for number in range(60)]
    for turn in turns:
        await desk.commit(turn, f"answer to {turn}")
    turns += [await talk.say(f"text {number}") for number in range(60, count)]
    for turn in turns[60:]:
        await desk.commit(turn, f"answer to {turn}")

    said = await remembered(store, talk.session, before=TurnId("now"))

    assert said[::2] == tuple(
        Said(Role.USER, turn, f"text {number}") for number, turn in enumerate(turns)
    )
    assert [each.text for each in said[1::2]] == [f"answer to {turn}" for turn in turns]


async def test_a_session_without_answers_has_nothing_to_remember(
    talk: Talk, store: RedisConversations
) -> None:
    await talk.say("Hello!")

    assert await remembered(store, talk.session, before=TurnId("now")) == ()
