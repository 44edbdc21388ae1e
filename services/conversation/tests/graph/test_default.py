from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from parley_conversation.graph.default import default_graph
from parley_conversation.graph.loader import Graph
from parley_conversation.graph.model import OfflineResponder

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def compiled() -> Graph:
    ticks = (NOON + timedelta(minutes=count) for count in range(100))
    graph = default_graph(OfflineResponder(pause=0), clock=lambda: next(ticks))
    return graph.compile(checkpointer=InMemorySaver())


async def said(graph: Graph, text: str, **more: object) -> dict[str, Any]:
    given = {"messages": [HumanMessage(text)], **more}
    return dict(await graph.ainvoke(given, {"configurable": {"thread_id": "t"}}))


async def test_a_turn_goes_through_the_four_nodes_in_order() -> None:
    given = {"messages": [HumanMessage("Hello!")]}
    config: Any = {"configurable": {"thread_id": "t"}}

    steps = [step async for step in compiled().astream(given, config, stream_mode="updates")]

    nodes = [name for step in steps for name in step]
    assert nodes == ["process_input", "generate_response", "update_context", "save_state"]


async def test_the_state_holds_the_conversation_and_what_is_known_about_it() -> None:
    graph = compiled()

    state = await said(graph, "Hello!", user_id="ada", session_id="2a1")

    assert (state["user_id"], state["session_id"]) == ("ada", "2a1")
    assert [type(message) for message in state["messages"]] == [HumanMessage, AIMessage]
    assert state["context"] == {"topic": "", "language": "en", "tone": "friendly"}
    assert state["intent"] == "greeting"
    assert state["metadata"] == {
        "created_at": NOON.isoformat(),
        "last_active": (NOON + timedelta(minutes=1)).isoformat(),
        "message_count": 1,
    }


async def test_a_second_turn_keeps_when_the_conversation_began_and_counts_on() -> None:
    graph = compiled()
    await said(graph, "Hello!")

    state = await said(graph, "my cat is Tom")

    assert state["metadata"]["created_at"] == NOON.isoformat()
    assert state["metadata"]["message_count"] == 2
    assert state["messages"][-1].text.endswith("Before that you wrote: “Hello!”.")


async def test_without_a_hint_of_a_language_it_speaks_chinese() -> None:
    state = await said(compiled(), "42")

    assert state["context"]["language"] == "zh-CN"
    assert state["messages"][-1].text == "你写道：“42”。这是你的第 1 条消息。"


async def test_it_goes_on_in_the_language_that_the_user_wrote_last() -> None:
    graph = compiled()
    await said(graph, "Ich heiße Ada")

    state = await said(graph, "42")

    assert state["messages"][-1].text.startswith("Du hast geschrieben: „42“.")


async def test_a_topic_changes_nothing_else_in_the_context() -> None:
    graph = compiled()
    await said(graph, "Hello!")

    state = await said(graph, "what is the topic?", context={"topic": "cats"})

    assert state["context"] == {"topic": "cats", "language": "en", "tone": "friendly"}
    assert state["messages"][-1].text == "We are talking about cats."
