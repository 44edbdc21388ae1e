"""The worker's settings: read once at the start, passed down."""

from __future__ import annotations

from parley_core.settings import (
    LanggraphSection,
    RedisSection,
    ServiceSettings,
    WebsocketSection,
)


class ConversationSettings(RedisSection, WebsocketSection, LanggraphSection, ServiceSettings):
    """All that the conversation service reads from the environment and CONFIG_FILE."""
