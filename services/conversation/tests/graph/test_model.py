from __future__ import annotations

import json
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from parley_conversation.domain.prompt import instructions
from parley_conversation.graph.model import OfflineResponder, choose_model
from parley_core.serving import HttpServer

WORDS = ["Good ", "evening", ", ", "Ada", "."]


class Provider:
    """A provider of models that speaks OpenAI's chat completions, streamed or not."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def complete(self, request: Request) -> Response:
        asked = await request.json()
        self.asked.append(asked)
        if asked.get("stream"):
            return StreamingResponse(self._stream(), media_type="text/event-stream")
        message = {"role": "assistant", "content": "".join(WORDS)}
        return JSONResponse(
            self._chunk(
                "chat.completion", {"index": 0, "message": message, "finish_reason": "stop"}
            )
        )

    async def _stream(self) -> AsyncIterator[str]:
        for word in WORDS:
            choice = {"index": 0, "delta": {"role": "assistant", "content": word}}
            yield f"data: {json.dumps(self._chunk('chat.completion.chunk', choice))}\n\n"
        last = {"index": 0, "delta": {}, "finish_reason": "stop"}
        yield f"data: {json.dumps(self._chunk('chat.completion.chunk', last))}\n\n"
        yield "data: [DONE]\n\n"

    @staticmethod
    def _chunk(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": "chat-1",
            "object": kind,
            "created": 1,
            "model": "tiny",
            "choices": [{"finish_reason": None, **choice}],
        }


@pytest_asyncio.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Provider]:
    provider = Provider()
    routes = [Route("/v1/chat/completions", provider.complete, methods=["POST"])]
    server = HttpServer(Starlette(routes=routes), host="127.0.0.1", port=0)
    await server.start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    yield provider
    await server.stop()


async def streamed(model: BaseChatModel, *messages: Any) -> list[str]:
    chunks = [str(chunk.text) async for chunk in model.astream(list(messages))]
    return [chunk for chunk in chunks if chunk]


async def test_a_named_model_is_asked_at_its_provider_and_streams(provider: Provider) -> None:
    model = choose_model("openai:tiny", pause=0)

    words = await streamed(model, SystemMessage("Be kind."), HumanMessage("Good evening"))

    assert words == WORDS
    assert provider.asked[0]["model"] == "tiny"
    assert [message["content"] for message in provider.asked[0]["messages"]] == [
        "Be kind.",
        "Good evening",
    ]


async def test_without_a_name_the_offline_responder_answers_word_by_word() -> None:
    model = choose_model("", pause=0)

    words = await streamed(model, HumanMessage("Hello!"))

    assert len(words) > 5
    assert "".join(words) == (await model.ainvoke([HumanMessage("Hello!")])).text


async def test_the_responder_takes_topic_and_language_from_the_instructions() -> None:
    prompt = SystemMessage(instructions(topic="cats", language="de", tone="friendly"))

    answer = await OfflineResponder(pause=0).ainvoke([prompt, HumanMessage("42")])
    topic = await OfflineResponder(pause=0).ainvoke([prompt, HumanMessage("what is the topic?")])

    assert answer.text.startswith("Du hast geschrieben")
    assert topic.text == "We are talking about cats."


async def test_pauses_are_as_long_as_they_are_set() -> None:
    begun = monotonic()

    words = await streamed(OfflineResponder(pause=0.01), HumanMessage("Hello!"))

    assert monotonic() - begun >= 0.01 * len(words)
