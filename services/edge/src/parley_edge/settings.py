"""The edge's settings: read once at the start, passed down."""

from __future__ import annotations

from parley_core.settings import RedisSection, ServiceSettings, WebsocketSection


class EdgeSettings(ServiceSettings, RedisSection, WebsocketSection):
    """All that the edge reads from the environment and CONFIG_FILE."""
