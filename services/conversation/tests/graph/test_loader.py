from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import StateGraph

from parley_conversation.graph.default import default_graph
from parley_conversation.graph.loader import BadGraph, Graph, load_graph
from parley_conversation.graph.model import OfflineResponder

SOURCE = """
from langgraph.graph import MessagesState, StateGraph
from langgraph.checkpoint.memory import InMemorySaver
from typing import TypedDict

builder = StateGraph(MessagesState)
builder.add_node("node", lambda state: {"messages": [("ai", "mine")]})
builder.set_entry_point("node")
compiled = builder.compile(checkpointer=InMemorySaver())

def factory(): return builder
def configured(config): return compiled
async def coroutine(): return compiled

class Other(TypedDict):
    question: str

other = StateGraph(Other)
other.add_node("node", lambda state: {})
other.set_entry_point("node")
number = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A user's project, with a package that no other test has."""
    path = list(sys.path)
    (tmp_path / "mine.py").write_text(SOURCE)
    package = tmp_path / f"agents_{token_hex(4)}"
    package.mkdir()
    (package / "__init__.py").write_text(SOURCE)
    yield tmp_path
    sys.path[:] = path


def package_in(folder: Path) -> str:
    return next(place.name for place in folder.iterdir() if place.is_dir())


def no_default() -> StateGraph[Any, Any, Any, Any]:
    raise AssertionError("the default graph was asked for")


async def loaded(name: str, folder: Path) -> Graph:
    return await load_graph(
        name,
        folder=folder,
        checkpointer=InMemorySaver(),
        default=lambda: default_graph(OfflineResponder(), clock=lambda: datetime.now(UTC)),
    )


async def answer(graph: Graph) -> str:
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    state = await graph.ainvoke({"messages": [("user", "hi")]}, config)
    return str(state["messages"][-1].text)


@pytest.mark.parametrize("attribute", ["builder", "compiled", "factory", "configured", "coroutine"])
async def test_a_graph_may_be_given_in_any_form(folder: Path, attribute: str) -> None:
    graph = await loaded(f"{package_in(folder)}:{attribute}", folder)

    assert await answer(graph) == "mine"


async def test_a_graph_gets_our_checkpointer_in_place_of_its_own(folder: Path) -> None:
    ours = InMemorySaver()
    name = f"{package_in(folder)}:compiled"

    graph = await load_graph(name, folder=folder, checkpointer=ours, default=no_default)

    assert graph.checkpointer is ours


async def test_without_a_name_it_is_the_default_graph(tmp_path: Path) -> None:
    graph = await loaded("", tmp_path)

    assert "generate_response" in graph.nodes


@pytest.mark.parametrize(
    ("graphs", "name"),
    [
        ({"one": "./mine.py:compiled"}, ""),
        ({"one": "./mine.py:compiled"}, "langgraph.json"),
        ({"one": "./mine.py:number", "agent": {"path": "./mine.py:builder"}}, ""),
    ],
)
async def test_a_langgraph_json_names_the_graph(
    folder: Path, graphs: dict[str, object], name: str
) -> None:
    (folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))

    graph = await loaded(name, folder)

    assert await answer(graph) == "mine"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nonsense", "expected package.module:attribute, got 'nonsense'"),
        ("no_such_module_at_all:graph", "cannot import no_such_module_at_all"),
        ("{package}:nothing", "has no attribute nothing"),
        ("{package}:number", "got int"),
        ("{package}:other", "`messages`, its state has question"),
        ("missing.json", "expected a langgraph.json with `graphs`"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(folder: Path, name: str, problem: str) -> None:
    with pytest.raises(BadGraph, match=r"PARLEY_GRAPH|langgraph\.json") as error:
        await loaded(name.format(package=package_in(folder)), folder)

    assert problem in str(error.value)


@pytest.mark.parametrize("content", ["{", "[]", '{"graphs": {}}', '{"graphs": {"a": 1, "b": 2}}'])
async def test_a_langgraph_json_that_names_no_graph_is_refused(folder: Path, content: str) -> None:
    (folder / "langgraph.json").write_text(content)

    with pytest.raises(BadGraph, match=r"langgraph\.json"):
        await loaded("", folder)
