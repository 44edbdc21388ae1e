"""Between LangChain's messages and ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    convert_to_messages,
)

from parley_conversation.domain.hearing import speaker
from parley_conversation.domain.said import Role, Said


def said_in(messages: Iterable[Any]) -> tuple[Said, ...]:
    """A state's messages; a graph may keep them as dicts or tuples as well."""
    return tuple(_said(message) for message in convert_to_messages(list(messages)))


def said_since(messages: Sequence[Any], message_id: str) -> tuple[Said, ...]:
    """The messages from the one called `message_id` on; only the newest if there is none.

    A conversation may be long and is looked at after each step, so that older ones are not read.
    """
    for index in range(len(messages) - 1, -1, -1):
        if _id_of(messages[index]) == message_id:
            return said_in(messages[index:])
    return said_in(messages[-1:])


def as_messages(said: Iterable[Said]) -> list[AnyMessage]:
    """What users and assistants said, under the same ids.

    Who said it is told as providers take it, and in `additional_kwargs` as it is.
    """
    return [
        _by_user(each) if each.role is Role.USER else AIMessage(each.text, id=each.id)
        for each in said
    ]


def ids_of(messages: Iterable[Any]) -> frozenset[object]:
    """What a state's messages are called."""
    return frozenset(_id_of(message) for message in messages)


def _by_user(said: Said) -> HumanMessage:
    if not said.user:
        return HumanMessage(said.text, id=said.id)
    return HumanMessage(
        said.text,
        id=said.id,
        name=speaker(said.user),
        additional_kwargs={"user_id": said.user},
    )


def _said(message: BaseMessage) -> Said:
    return Said(_role(message), message.id or "", str(message.text))


def _id_of(message: object) -> object:
    return message.get("id") if isinstance(message, Mapping) else getattr(message, "id", None)


def _role(message: BaseMessage) -> Role:
    if isinstance(message, HumanMessage):
        return Role.USER
    return Role.ASSISTANT if isinstance(message, AIMessage) else Role.OTHER
