"""Settings by section; each service composes the sections that it reads into one frozen object.

Environment names as they are; in the YAML file that `CONFIG_FILE` names, the section and the name
in lower case without the section's prefix (`redis.url`, `websocket.port`). Environment wins.
"""

from parley_core.settings.loading import ServiceSettings, Settings, load
from parley_core.settings.operator import OperatorSection
from parley_core.settings.sections import (
    SECTIONS,
    LanggraphSection,
    RedisSection,
    SystemSection,
    WebsocketSection,
    yaml_name,
)

__all__ = [
    "SECTIONS",
    "LanggraphSection",
    "OperatorSection",
    "RedisSection",
    "ServiceSettings",
    "Settings",
    "SystemSection",
    "WebsocketSection",
    "load",
    "yaml_name",
]
