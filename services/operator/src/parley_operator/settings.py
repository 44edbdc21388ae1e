"""The operator's settings: read once at the start, passed down."""

from __future__ import annotations

from parley_core.domain.errors import PermanentError
from parley_core.settings import (
    OperatorSection,
    RedisSection,
    ServiceSettings,
    WebsocketSection,
)
from parley_operator.domain.deaths import Home


class OperatorSettings(OperatorSection, RedisSection, WebsocketSection, ServiceSettings):
    """All that it reads from the environment and CONFIG_FILE.

    Of the edges' own settings it needs those that say how fast connections move; it has to be
    given the same.
    """

    @property
    def home(self) -> Home:
        """Whom it looks after. Raises `PermanentError`: without both it would be everybody."""
        if not self.parley_release or not self.parley_namespace:
            raise PermanentError(
                "PARLEY_RELEASE and PARLEY_NAMESPACE must say which release the operator is for."
            )
        return Home(self.parley_release, self.parley_namespace)
