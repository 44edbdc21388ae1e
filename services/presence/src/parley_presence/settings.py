"""The settings of this service: read once at the start, passed down."""

from __future__ import annotations

from parley_core.settings import RedisSection, ServiceSettings, WebsocketSection


class PresenceSettings(ServiceSettings, RedisSection, WebsocketSection):
    """All that it reads from the environment and CONFIG_FILE."""
