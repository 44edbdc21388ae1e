"""The graph that answers when no other is configured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from parley_conversation.domain.languages import DEFAULT, known_language, language_of
from parley_conversation.domain.prompt import instructions
from parley_conversation.domain.responder import intent_of


class Context(TypedDict, total=False):
    """What a conversation is about, and how to speak in it."""

    topic: str
    language: str
    tone: str


class Metadata(TypedDict, total=False):
    """Times are ISO 8601; `message_count` counts the user's messages."""

    created_at: str
    last_active: str
    message_count: int


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A reducer: the keys of `new` replace those of `old`, the others stay."""
    return {**old, **new}


class State(TypedDict, total=False):
    """The state of one conversation."""

    user_id: str
    session_id: str
    messages: Annotated[list[AnyMessage], add_messages]
    context: Annotated[Context, merged]
    metadata: Annotated[Metadata, merged]
    intent: str


DEFAULTS = Context(topic="", language=DEFAULT.value, tone="friendly")


def default_graph(
    model: BaseChatModel, *, clock: Callable[[], datetime]
) -> StateGraph[State, None, State, State]:
    """`process_input -> generate_response -> update_context -> save_state`, not compiled yet."""
    nodes = Nodes(model, clock=clock)
    graph = StateGraph(State)
    graph.add_node("process_input", nodes.process_input)
    graph.add_node("generate_response", nodes.generate_response)
    graph.add_node("update_context", nodes.update_context)
    graph.add_node("save_state", nodes.save_state)
    graph.add_edge(START, "process_input")
    graph.add_edge("process_input", "generate_response")
    graph.add_edge("generate_response", "update_context")
    graph.add_edge("update_context", "save_state")
    graph.add_edge("save_state", END)
    return graph


class Nodes:
    """The steps of a turn. Each returns what it changes."""

    def __init__(self, model: BaseChatModel, *, clock: Callable[[], datetime]) -> None:
        self._model = model
        self._clock = clock

    async def process_input(self, state: State) -> State:
        """What the input wants; what a new conversation begins with."""
        context = _context(state)
        newest = _newest(state)
        intent = intent_of(newest, language_of(newest) or known_language(context["language"]))
        created = state.get("metadata", {}).get("created_at") or self._clock().isoformat()
        return {"context": context, "metadata": {"created_at": created}, "intent": intent.value}

    async def generate_response(self, state: State) -> State:
        """The only node that asks the model, so a resume never asks twice for one answer."""
        context = _context(state)
        prompt = instructions(
            topic=context["topic"], language=context["language"], tone=context["tone"]
        )
        return {
            "messages": [await self._model.ainvoke([SystemMessage(prompt), *state["messages"]])]
        }

    async def update_context(self, state: State) -> State:
        """The language that the user writes in now."""
        language = language_of(_newest(state))
        return {"context": {"language": language.value} if language else {}}

    async def save_state(self, state: State) -> State:
        """What a list of conversations would show."""
        count = sum(isinstance(message, HumanMessage) for message in state["messages"])
        return {"metadata": {"last_active": self._clock().isoformat(), "message_count": count}}


def _context(state: State) -> Context:
    return {**DEFAULTS, **state.get("context", {})}


def _newest(state: State) -> str:
    """What the user wrote last."""
    inputs = (each for each in reversed(state["messages"]) if isinstance(each, HumanMessage))
    return str(next(inputs).text)
