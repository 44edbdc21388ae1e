"""Sessions that begin as copies of others, over HTTP."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from parley_checkpoint import every_script as every_script_of_checkpoints
from parley_conversation.domain.queries import fork_request
from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import ConnectionId, DeviceId, MessageId, SessionId, partition_of
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script
from parley_testing.past import ANN, BACK_END, Place, path, place_at, texts_of
from parley_testing.redis_proxy import RedisProxy, name_of
from parley_testing.talk import Talk


async def test_a_fork_has_the_past_up_to_the_kept_state(
    http: httpx.AsyncClient, session: SessionId
) -> None:
    made = await http.post(path(session, "fork?at=7"))

    copy = made.json()["session_id"]
    state = (await http.get(path(copy, "state"))).json()
    history = (await http.get(path(copy, "history"))).json()["messages"]
    assert (made.status_code, made.json()["seq"]) == (201, 4)
    assert (state["seq"], texts_of(state)) == (
        4,
        ["a", "answer 1 to a", "b", "answer 2 to b"],
    )
    assert [(frame["seq"], frame["session_id"]) for frame in history] == [
        (seq, copy) for seq in range(1, 5)
    ]


async def test_original_and_fork_go_on_apart(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    copy = (await http.post(path(session, "fork?at=4"))).json()["session_id"]

    await place.talk(copy, "other")
    await place.talk(session, "same")

    states = [(await http.get(path(each, "state"))).json() for each in (copy, session)]
    assert texts_of(states[0]) == [
        *("a", "answer 1 to a", "b", "answer 2 to b"),
        *("other", "answer 3 to other"),
    ]
    assert texts_of(states[1])[-1] == "answer 6 to same"


async def test_a_fork_can_be_looked_back_into_and_forked_itself(
    http: httpx.AsyncClient, session: SessionId
) -> None:
    copy = (await http.post(path(session, "fork"))).json()["session_id"]

    earlier = (await http.get(path(copy, "state?at=5"))).json()
    again = (await http.post(path(copy, "fork?at=5"))).json()

    assert (earlier["seq"], again["seq"]) == (4, 4)
    history = (await http.get(path(again["session_id"], "history"))).json()["messages"]
    assert {frame["session_id"] for frame in history} == {again["session_id"]}


async def test_a_fork_belongs_to_the_owner_whoever_asked_for_it(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    copy = (await http.post(path(session, "fork"), headers=BACK_END)).json()["session_id"]

    assert copy[:2] == session[:2]
    assert {copy, session} == {row.session for row in await place.store.sessions(ANN)}


async def test_a_repeat_under_a_key_gets_the_first_fork(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    keyed = {"Idempotency-Key": "k1"}
    first = (await http.post(path(session, "fork"), headers=keyed)).json()
    await place.talk(session, "f")

    again = (await http.post(path(session, "fork"), headers=keyed)).json()
    elsewhere = (await http.post(path(session, "fork?at=4"), headers=keyed)).json()
    without = [(await http.post(path(session, "fork"))).json() for _ in range(2)]

    assert again == first
    assert len({each["session_id"] for each in (first, elsewhere, *without)}) == 4


async def test_repeats_at_the_same_time_make_one_fork_and_leave_nothing_else(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    keyed = {"Idempotency-Key": "k1"}
    before = await place.keys_of("")

    replies = await asyncio.gather(
        *(http.post(path(session, "fork"), headers=keyed) for _ in range(5))
    )

    (copy,) = {reply.json()["session_id"] for reply in replies}
    made = await place.keys_of("") - before
    shared = {place.keys.fork(session, fork_request("k1", at=None))}
    shared.add(place.keys.rate(ANN, "fork", partition=partition_of(ANN)))
    assert {name for name in made if copy not in name} == shared
    assert len((await http.get(path(copy, "history"))).json()["messages"]) == 10


async def test_a_bad_key_is_refused(http: httpx.AsyncClient, session: SessionId) -> None:
    reply = await http.post(path(session, "fork"), headers={"Idempotency-Key": "x" * 65})

    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_MESSAGE")


async def test_a_full_list_archives_or_refuses_as_an_open_does(
    redis_client: RedisClient, keys: Keys
) -> None:
    place = place_at(redis_client, keys, max_sessions=2)
    first, second = await place.new_session(), await place.new_session()
    await place.talk(second, "a")
    async with place.http() as http:
        copy = (await http.post(path(second, "fork"))).json()["session_id"]
        listed = {row.session for row in await place.store.sessions(ANN)}
        for each in listed:
            await Talk(place.store, each, user=ANN).say("busy")
        before = await place.keys_of("")

        refused = await http.post(path(second, "fork"))

    assert listed == {second, copy}
    assert first not in listed
    assert (refused.status_code, refused.json()["code"]) == (409, "SESSION_LIMIT")
    assert await place.keys_of("") == before


async def test_a_cleared_session_has_no_past(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    mail = Mail(MailKind.CLEAR, MessageId("clear"), ANN, DeviceId("d"))
    await place.store.append(session, mail, frame=b"", origin=ConnectionId("c"))
    await place.desk(session).serve(place.agent)

    history = (await http.get(path(session, "history"))).json()
    state = await http.get(path(session, "state"))
    fork = await http.post(path(session, "fork"))

    assert history["messages"] == []
    assert (state.status_code, fork.status_code) == (404, 404)


@pytest.mark.parametrize("name", ["fork", "copy"])
async def test_a_fork_cut_off_anywhere_is_unavailable_and_its_repeat_makes_it(
    redis_url: str, keys: Keys, place: Place, session: SessionId, name: str
) -> None:
    """The copy of the checkpoints is there before the session is, and nobody sees it."""
    cut = script("fork").sha if name == "fork" else None
    server = urlsplit(redis_url)
    async with RedisProxy(server.port or 6379, host=server.hostname or "localhost") as proxy:
        client = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="cut-off")
        await client.start()
        there = place_at(client, keys)
        keyed = {"Idempotency-Key": "k1"}
        names = copying_scripts() if cut is None else {cut}
        proxy.cut_before_reply(lambda command: name_of(command) in names)
        async with there.http() as http:
            first = await http.post(path(session, "fork"), headers=keyed)
            listed = {row.session for row in await place.store.sessions(ANN)}
            again = await http.post(path(session, "fork"), headers=keyed)
            third = await http.post(path(session, "fork"), headers=keyed)
        await client.aclose()

    copy = again.json()["session_id"]
    assert (first.status_code, first.json()["code"]) == (503, "UNAVAILABLE")
    assert sum(proxy.cut_replies.values()) > 0
    # A script that was cut off after it had run has made the session, and the repeat tells it.
    assert listed - {session} == ({copy} if name == "fork" else set())
    assert (again.status_code, third.json()) == (201, again.json())
    assert {row.session for row in await place.store.sessions(ANN)} == {session, copy}


def copying_scripts() -> set[str]:
    """Those that write a thread's checkpoints."""
    return {
        each.sha for each in every_script_of_checkpoints() if each.name in {"checkpoint", "import"}
    }
