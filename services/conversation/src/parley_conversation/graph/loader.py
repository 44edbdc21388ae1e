"""Which graph answers: the default one, or a user's own."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph, StateGraph

from parley_conversation.importing import NotImportable, imported, make_importable
from parley_core.domain.errors import PermanentError

CONFIG = "langgraph.json"

Graph = CompiledStateGraph[Any, Any, Any, Any]


class BadGraph(PermanentError):
    """The configured graph cannot be used; the text says what is wrong with which setting."""


async def load_graph(
    name: str,
    *,
    folder: Path,
    checkpointer: BaseCheckpointSaver[Any],
    default: Callable[[], StateGraph[Any, Any, Any, Any]],
) -> Graph:
    """The graph called `name`, with `checkpointer` in place of whatever it had.

    `name` is `package.module:attribute`, the path of a `langgraph.json`, or empty: then the
    `langgraph.json` in `folder`, and without one the default graph. Raises `BadGraph`.
    """
    target = _target(name, folder)
    built = await _built(_found(target, folder)) if target else default()
    if isinstance(built, StateGraph):
        built = built.compile()
    if not isinstance(built, CompiledStateGraph):
        raise BadGraph(
            f"PARLEY_GRAPH {target}: expected a compiled graph, a StateGraph or a function that"
            f" makes one, got {type(built).__name__}"
        )
    if "messages" not in built.channels:
        channels = ", ".join(sorted(built.builder.channels)) or "nothing"
        raise BadGraph(
            f"PARLEY_GRAPH {target}: expected a graph whose state has `messages`, its state has"
            f" {channels}"
        )
    return built.copy(update={"checkpointer": checkpointer})


def _target(name: str, folder: Path) -> str:
    if name.endswith(".json"):
        return _only_graph(folder / name)
    if not name and (folder / CONFIG).is_file():
        return _only_graph(folder / CONFIG)
    return name


def _only_graph(path: Path) -> str:
    """The target of the one graph in a `langgraph.json`, or of the one called `agent`."""
    try:
        config = json.loads(path.read_bytes())
        graphs: dict[str, Any] = dict(config["graphs"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadGraph(f"{path}: expected a langgraph.json with `graphs`, got {error!r}") from error
    chosen = graphs.get("agent") if len(graphs) > 1 else next(iter(graphs.values()), None)
    target = chosen.get("path") if isinstance(chosen, dict) else chosen
    if not isinstance(target, str):
        names = ", ".join(sorted(graphs)) or "none"
        raise BadGraph(f"{path}: expected one graph, or one called `agent`, got {names}")
    for dependency in config.get("dependencies", ()):
        make_importable(path.parent / str(dependency))
    return f"{path.parent / target}" if ".py:" in target else target


def _found(target: str, folder: Path) -> object:
    try:
        return imported(target, folder=folder)
    except NotImportable as error:
        raise BadGraph(f"PARLEY_GRAPH {target}: {error}") from error


async def _built(found: object) -> object:
    """What a factory makes: it takes nothing or a config, and may be a coroutine function."""
    if isinstance(found, (StateGraph, CompiledStateGraph)) or not callable(found):
        return found
    takes_config = bool(inspect.signature(found).parameters)
    made: object = found({}) if takes_config else found()
    return await made if inspect.isawaitable(made) else made
