"""A worker's desk and its API in the test's own process, for looking at a conversation's past."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import httpx
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from parley_checkpoint import Retention
from parley_conversation.api import ConversationApi
from parley_conversation.branching import Branching
from parley_conversation.graph.agent import Agent
from parley_conversation.graph.states import States
from parley_conversation.saver import RunSaver, run_settings
from parley_conversation.threads import OwnThreads
from parley_core.authentication import BelievingAuthenticator
from parley_core.domain.ids import ConnectionId, DeviceId, SessionId, UserId
from parley_core.http_api import Askers
from parley_core.redis.branches import RedisBranches
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_testing.desk import Desk
from parley_testing.talk import Talk, edge_store

BACK_END = {"Authorization": "Bearer s3cret"}
ANN = UserId("ann")
OWNER = {"X-Parley-User": "ann"}
EVE = {"X-Parley-User": "eve"}
KEPT_EACH = 2
"""Turns; the newest and the one before it are kept, too."""


class Remembering(MessagesState, total=False):
    notes: dict[str, Any]


async def answer(state: Remembering) -> dict[str, Any]:
    number = sum(message.type == "human" for message in state["messages"])
    text = str(state["messages"][-1].text)
    return {"messages": [AIMessage(f"answer {number} to {text}")], "notes": {"turns": number}}


def remembering() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(Remembering)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph


@dataclass
class Place:
    """A worker's desk and its API, at one Redis."""

    client: RedisClient
    keys: Keys
    store: RedisConversations
    max_sessions: int = 10
    saver: RunSaver = field(init=False)

    def __post_init__(self) -> None:
        self.saver = RunSaver(
            self.client,
            prefix=self.keys.prefix,
            tag=lambda name: name[:2],
            retention=Retention(interval=KEPT_EACH),
        )
        graph = remembering().compile(checkpointer=self.saver)
        self.agent = Agent(graph, lambda run: run_settings(run, self.keys))
        self.branches = RedisBranches(
            self.client, self.keys, nonce=lambda: token_hex(8), max_sessions=self.max_sessions
        )
        branching = Branching(
            self.branches, States(graph), OwnThreads(self.saver), nonce=lambda: token_hex(8)
        )
        self.api = ConversationApi(
            Askers(BelievingAuthenticator(), service_token="s3cret"),
            self.store,
            self.branches,
            branching,
            nonce=lambda: token_hex(8),
        )

    def http(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.api.app())
        return httpx.AsyncClient(transport=transport, base_url="http://worker", headers=OWNER)

    async def new_session(self) -> SessionId:
        opened = await self.store.open(
            ANN,
            device=DeviceId("d"),
            connection=ConnectionId(token_hex(4)),
            new=token_hex(8),
        )
        return opened.session

    async def talk(self, session: SessionId, *texts: str) -> None:
        """Each text is answered before the next is sent."""
        talk, desk = Talk(self.store, session, user=ANN), self.desk(session)
        for text in texts:
            await talk.say(text)
            await desk.serve(self.agent)

    def desk(self, session: SessionId) -> Desk:
        return Desk(self.client, self.keys, self.store, session=session)

    async def keys_of(self, session: str) -> set[str]:
        found = await self.client.command("KEYS", f"*{session}*")
        return {name.decode() for name in found}


def place_at(client: RedisClient, keys: Keys, *, max_sessions: int = 10) -> Place:
    store = edge_store(client, keys, max_sessions=max_sessions)
    return Place(client, keys, store, max_sessions)


def path(session: str, what: str) -> str:
    return f"/v1/sessions/{session}/{what}"


def texts_of(state: dict[str, Any]) -> list[str]:
    return [message["content"] for message in state["values"]["messages"]]
