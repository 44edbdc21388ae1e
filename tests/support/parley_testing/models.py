"""Chat models for tests, which stream."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

WORDS = 30
PAUSE = 0.1
"""Seconds a word."""


class StreamingModel(BaseChatModel):
    """What LangChain asks of a model, from one stream of chunks."""

    @property
    def _llm_type(self) -> str:
        return type(self).__name__

    def chunks(self, messages: Sequence[BaseMessage]) -> AsyncIterator[AIMessageChunk]:
        """The answer, in pieces."""
        raise NotImplementedError

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("it is asked by coroutines only")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  # the port's
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        whole = reduce(add, [chunk async for chunk in self.chunks(messages)])
        return ChatResult(generations=[ChatGeneration(message=message_chunk_to_message(whole))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  # the port's
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self.chunks(messages):
            yield ChatGenerationChunk(message=chunk)


class Wanderer(StreamingModel):
    """Never writes the same answer twice, so that two writers of one answer are told apart."""

    words: int = WORDS

    async def chunks(self, messages: Sequence[BaseMessage]) -> AsyncIterator[AIMessageChunk]:  # noqa: ARG002
        for _ in range(self.words):
            await asyncio.sleep(PAUSE)
            yield AIMessageChunk(content=f"{secrets.token_hex(3)} ")


@dataclass(frozen=True)
class Word:
    """A piece of an answer. `hangs`: nothing comes after it; `repeats`: it comes for ever."""

    text: str
    hangs: bool = False
    repeats: bool = False


class StrictModel(StreamingModel):
    """Follows a script, and refuses the histories that strict providers refuse."""

    script: list[Any]
    """Of `AIMessage` and `Word`."""
    _at: int = PrivateAttr(default=0)

    async def chunks(self, messages: Sequence[BaseMessage]) -> AsyncIterator[AIMessageChunk]:
        refuse_invalid(messages)
        if isinstance(self.script[self._at], AIMessage):
            whole = self._next()
            yield AIMessageChunk(content=whole.content, tool_calls=whole.tool_calls)
            return
        async for piece in self._words():
            yield AIMessageChunk(content=piece)

    async def _words(self) -> AsyncIterator[str]:
        """Up to the next whole message of the script."""
        while self._at < len(self.script) and isinstance(word := self.script[self._at], Word):
            self._at += 1
            yield word.text
            while word.repeats:
                await asyncio.sleep(0.001)
                yield word.text
            await asyncio.sleep(0.01)
            if word.hangs:
                await asyncio.Event().wait()

    def _next(self) -> AIMessage:
        message = self.script[self._at]
        assert isinstance(message, AIMessage)
        self._at += 1
        return message.model_copy()


def refuse_invalid(messages: Sequence[BaseMessage]) -> None:
    """Raises ValueError for a history that some provider does not take."""
    called: set[str] = set()
    newest: BaseMessage | None = None
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in called:
                raise ValueError(f"a result without its call: {message.tool_call_id}")
            called.remove(message.tool_call_id)
        elif called:
            raise ValueError(f"tool calls without results: {called}")
        elif isinstance(message, HumanMessage) and isinstance(newest, HumanMessage | ToolMessage):
            raise ValueError("a user's message where the assistant's is due")
        if isinstance(message, AIMessage):
            called = {str(call["id"]) for call in message.tool_calls}
            if not (called or message.text):
                raise ValueError("an empty message")
        newest = message
    if called:
        raise ValueError(f"tool calls without results: {called}")
