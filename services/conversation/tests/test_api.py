"""A conversation's past over HTTP: who may see it, and what is shown."""

from __future__ import annotations

import httpx
import pytest

from parley_core.domain.ids import SessionId
from parley_testing.past import ANN, BACK_END, EVE, OWNER, Place, path, texts_of
from parley_testing.talk import Talk


@pytest.mark.parametrize(
    ("method", "what"), [("GET", "history"), ("GET", "state"), ("POST", "fork")]
)
async def test_a_session_is_open_to_its_owner_and_to_back_ends_only(
    http: httpx.AsyncClient, session: SessionId, method: str, what: str
) -> None:
    async def status(where: str, headers: dict[str, str]) -> tuple[int, str]:
        reply = await http.request(method, path(where, what), headers=headers)
        return reply.status_code, reply.json().get("code", "")

    assert (await status(session, OWNER))[0] in {200, 201}
    assert (await status(session, BACK_END))[0] in {200, 201}
    assert await status(session, EVE) == (403, "FORBIDDEN")
    assert await status("33" + "0" * 16, OWNER) == (404, "SESSION_NOT_FOUND")
    assert await status("nonsense", OWNER) == (404, "SESSION_NOT_FOUND")
    assert await status("x" * 65, OWNER) == (404, "SESSION_NOT_FOUND")


async def test_nobody_is_asked_who_that_is(place: Place, session: SessionId) -> None:
    transport = httpx.ASGITransport(app=place.api.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as nobody:
        reply = await nobody.get(path(session, "history"))

    assert (reply.status_code, reply.json()["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("GET", "history?before=x"),
        ("GET", "history?limit=0"),
        ("GET", "history?limit=101"),
        ("GET", "state?at=-1"),
        ("POST", "fork?at=1.5"),
    ],
)
async def test_a_wrong_parameter_is_named(
    http: httpx.AsyncClient, session: SessionId, method: str, what: str
) -> None:
    reply = await http.request(method, path(session, what))

    name = what.partition("?")[2].partition("=")[0]
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_MESSAGE")
    assert reply.json()["message"].startswith(f"{name}: expected a whole number")


async def test_a_fork_is_not_made_by_reading(http: httpx.AsyncClient, session: SessionId) -> None:
    assert (await http.get(path(session, "fork"))).status_code == 405


# History:


async def test_history_is_the_log_as_it_went_out(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    events, _ = await place.store.history(session, before=None, limit=100)

    reply = await http.get(path(session, "history"))

    body = reply.json()
    assert [frame["seq"] for frame in body["messages"]] == list(range(1, 11))
    assert all(event.body in reply.content for event in events)
    assert (body["session_id"], body["has_more"]) == (session, False)


async def test_history_comes_in_pages(http: httpx.AsyncClient, session: SessionId) -> None:
    newest = (await http.get(path(session, "history?limit=4"))).json()
    older = (await http.get(path(session, "history?limit=4&before=7"))).json()
    oldest = (await http.get(path(session, "history?limit=4&before=3"))).json()

    pages = [[frame["seq"] for frame in page["messages"]] for page in (newest, older, oldest)]
    assert pages == [[7, 8, 9, 10], [3, 4, 5, 6], [1, 2]]
    assert [page["has_more"] for page in (newest, older, oldest)] == [True, True, False]


# State:


async def test_the_newest_state_is_that_of_the_newest_answer(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    state = (await http.get(path(session, "state"))).json()

    newest, *_ = [mark async for mark in place.branches.marks(session, at=None)]
    assert (
        (state["seq"], state["checkpoint_id"])
        == (newest.seq, newest.checkpoint)
        == (
            10,
            newest.checkpoint,
        )
    )
    assert texts_of(state)[-2:] == ["e", "answer 5 to e"]
    assert state["values"]["notes"] == {"turns": 5}
    assert (state["next"], state["interrupts"]) == ([], [])
    assert [message["role"] for message in state["values"]["messages"]] == [
        "user",
        "assistant",
    ] * 5


@pytest.mark.parametrize(("at", "seq"), [(10, 10), (9, 8), (8, 8), (7, 4), (5, 4), (99, 10)])
async def test_a_state_is_the_newest_kept_one_at_or_before_a_seq(
    http: httpx.AsyncClient, session: SessionId, at: int, seq: int
) -> None:
    state = (await http.get(path(session, f"state?at={at}"))).json()

    assert state["seq"] == seq
    assert len(texts_of(state)) == seq


async def test_before_the_first_kept_state_there_is_none(
    http: httpx.AsyncClient, session: SessionId
) -> None:
    for method, what in (("GET", "state?at=3"), ("POST", "fork?at=0")):
        reply = await http.request(method, path(session, what))

        assert reply.status_code == 404
        assert reply.json()["message"].startswith("No state of this session is kept at or before")


async def test_a_turn_that_runs_has_no_state_yet(
    http: httpx.AsyncClient, place: Place, session: SessionId
) -> None:
    await Talk(place.store, session, user=ANN).say("f")
    await place.desk(session).run_without_commit(place.agent)

    state = (await http.get(path(session, "state"))).json()

    assert (state["seq"], len(texts_of(state))) == (10, 10)


async def test_a_state_that_is_too_large_is_refused_in_a_sentence(
    http: httpx.AsyncClient, place: Place
) -> None:
    session = await place.new_session()
    await place.talk(session, *["x" * 10_000] * 53)

    reply = await http.get(path(session, "state"))

    assert (reply.status_code, reply.json()["code"]) == (413, "MESSAGE_TOO_LARGE")
