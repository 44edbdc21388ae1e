"""What `make up` reads: everything, so that a wrong value is told before anything starts."""

from __future__ import annotations

from parley_core.settings import (
    LanggraphSection,
    RedisSection,
    ServiceSettings,
    WebsocketSection,
)


class LocalSettings(ServiceSettings, RedisSection, WebsocketSection, LanggraphSection):
    """All settings of all services; they inherit the environment that these come from."""

    @property
    def given_redis(self) -> str | None:
        """The URL of a Redis that somebody else runs; None if it is ours to run."""
        if "redis_url" not in self.model_fields_set:
            return None
        return self.redis_location()
