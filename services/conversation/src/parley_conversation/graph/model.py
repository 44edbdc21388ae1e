"""The model that the default graph asks: a provider's, or one that needs none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from parley_conversation.domain.languages import known_language
from parley_conversation.domain.prompt import language_in, topic_in
from parley_conversation.domain.responder import pieces, reply
from parley_conversation.graph.messages import said_in

PAUSE = 0.03
"""Seconds between two words: about as fast as people read."""


class OfflineResponder(BaseChatModel):
    """A chat model that needs no network and always answers the same to the same conversation."""

    pause: float = PAUSE
    """Seconds between two words; 0 for none."""

    @property
    def _llm_type(self) -> str:
        return "parley-offline"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 (LangChain's signature)
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(_answer(messages)))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        for piece in pieces(_answer(messages)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
            await asyncio.sleep(self.pause)


def choose_model(name: str, *, pause: float) -> BaseChatModel:
    """The model called `name` as LangChain calls it (`openai:gpt-4o`), the offline one if empty."""
    return init_chat_model(name) if name else OfflineResponder(pause=pause)


def _answer(messages: Sequence[BaseMessage]) -> str:
    prompt = "\n".join(str(each.text) for each in messages if isinstance(each, SystemMessage))
    return reply(
        said_in(messages), topic=topic_in(prompt), fallback=known_language(language_in(prompt))
    )
