"""Settings by section; each service composes the sections that it reads into one frozen object.

Environment names as they are; in the YAML file that `CONFIG_FILE` names, the section and the name
in lower case without the section's prefix (`redis.url`, `websocket.port`). Environment wins.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from parley_core.domain.errors import PermanentError

Port = Annotated[int, Field(ge=1, le=65535)]


class RedisSection(BaseModel):
    """Where everything is kept."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="URL of Redis, Valkey or any node of a Cluster; rediss:// for TLS",
    )
    redis_max_connections: int = Field(
        20,
        ge=4,
        description="connections of one process: calls share one a node, waits have their own",
    )


class WebsocketSection(BaseModel):
    """What the edge offers to clients."""

    websocket_host: str = Field("0.0.0.0", description="address that the edge listens on")
    websocket_port: Port = Field(8765, description="port of the WebSocket and of the edge's /v1")
    max_message_size: int = Field(
        1_048_576, ge=1_024, le=16_777_216, description="bytes of one frame from a client"
    )
    heartbeat_interval: float = Field(
        30, gt=0, description="seconds; what clients are told to send heartbeats by"
    )
    session_timeout: float = Field(
        300, gt=0, description="seconds without frame or pong after which a connection is closed"
    )
    ssl_certfile: Path | None = Field(
        None, description="PEM file; with SSL_KEYFILE the edge speaks TLS"
    )
    ssl_keyfile: Path | None = Field(None, description="PEM file of the certificate's key")
    max_connections_per_user: int = Field(
        20, ge=1, description="connections of one user to one edge; tabs count"
    )
    resume_rate: float = Field(
        200, gt=0, description="connections a second that one edge takes from others that drain"
    )
    endpoint_delay: float = Field(
        0, ge=0, description="seconds that a draining edge still accepts; 5 on Kubernetes"
    )


class LanggraphSection(BaseModel):
    """How the agent runs and what is kept of it."""

    checkpoint_ttl: float = Field(
        120, gt=0, description="minutes that older checkpoints live, renewed when they are read"
    )
    max_checkpoints: int = Field(100, ge=1, description="checkpoints kept of one conversation")
    checkpoint_interval: int = Field(
        10, ge=1, description="every how many turns a checkpoint is kept for looking back"
    )
    turn_timeout: float = Field(300, gt=0, description="seconds that one turn may take")
    parley_graph: str = Field(
        "", description="package.module:attribute or a langgraph.json; empty: the default graph"
    )
    parley_model: str = Field(
        "", description="model of the default graph, as init_chat_model takes it; empty: offline"
    )
    responder_pauses: bool = Field(
        True, description="the offline responder writes as fast as people read"
    )
    max_running_turns: int = Field(64, ge=1, description="sessions that one worker runs at a time")


class SystemSection(BaseModel):
    """What all services share."""

    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="least level logged"
    )
    debug: bool = Field(False, description="log at DEBUG, and check the event loop")
    server_id: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="name of this process on the wire and in Redis; host name by default",
    )
    parley_boot: str = Field(
        "",
        pattern=r"^[a-z0-9]{0,16}$",
        description="this start of the process; empty: 8 random characters",
    )
    key_prefix: str = Field(
        "parley", pattern=r"^[A-Za-z0-9._-]{1,32}$", description="first part of every key in Redis"
    )
    service_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token of back ends and of admin POSTs; empty: off, loopback only",
    )
    http_port: Port = Field(8780, description="port of /v1 of conversation and presence")
    admin_port: Port = Field(8766, description="port of /healthz, /readyz, /metrics and /drain")
    drain_timeout: float = Field(30, gt=0, description="seconds that a drain may take")
    rate_text: float = Field(20, gt=0, description="texts a second of one user")
    rate_text_burst: float = Field(40, ge=1, description="texts that one user may send at once")
    max_sessions_per_user: int = Field(
        10, ge=1, description="sessions listed; older ones are archived"
    )
    max_messages_per_session: int = Field(
        1000, ge=10, description="newest log entries kept of a session"
    )
    cleanup_interval: float = Field(
        3600, gt=0, description="seconds between sweeps of what processes left"
    )
    parley_release: str = Field(
        "", max_length=64, description="release that this process belongs to"
    )
    parley_namespace: str = Field("", max_length=64, description="Kubernetes namespace, if any")
    parley_pod: str = Field("", max_length=64, description="Kubernetes pod, if any")
    supervisor_evict: bool = Field(
        True, description="make up hands a dead worker's sessions on at once"
    )


SECTIONS: dict[str, type[BaseModel]] = {
    "redis": RedisSection,
    "websocket": WebsocketSection,
    "langgraph": LanggraphSection,
    "system": SystemSection,
}


def yaml_name(section: str, field: str) -> str:
    """`redis.url` for `redis_url`: the name in the file."""
    return f"{section}.{field.removeprefix(f'{section}_')}"


class YamlSource(PydanticBaseSettingsSource):
    """The file that CONFIG_FILE names, flat; unknown keys are errors."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        return {name: value for name, value in self._values.items() if name in fields}

    @property
    def _values(self) -> dict[str, Any]:
        path = os.environ.get("CONFIG_FILE")
        return read_file(Path(path)) if path else {}


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a YAML file by field name. Raises `PermanentError`."""
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PermanentError(f"CONFIG_FILE {path} cannot be read: {error}") from error
    known = {
        yaml_name(section, field): field
        for section, model in SECTIONS.items()
        for field in model.model_fields
    }
    values: dict[str, Any] = {}
    for section, entries in _sections(content, path):
        for name, value in entries.items():
            if f"{section}.{name}" not in known:
                raise PermanentError(f"CONFIG_FILE {path}: there is no setting {section}.{name}")
            values[known[f"{section}.{name}"]] = value
    return values


def _sections(content: Any, path: Path) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(content, dict):
        raise PermanentError(f"CONFIG_FILE {path} must hold the sections {', '.join(SECTIONS)}")
    for section, entries in content.items():
        if section not in SECTIONS or not isinstance(entries, dict):
            raise PermanentError(
                f"CONFIG_FILE {path}: expected settings in {', '.join(SECTIONS)}, got {section!r}"
            )
    return list(content.items())


class Settings(BaseSettings):
    """Base of each service's settings: compose it with sections."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlSource(settings_cls)


AnySettings = TypeVar("AnySettings", bound=Settings)


def load(settings: type[AnySettings]) -> AnySettings:
    """Read from environment and file. Raises `PermanentError` with one sentence a wrong value."""
    try:
        return settings()
    except ValidationError as error:
        sentences = [_sentence(settings, detail) for detail in error.errors()]
        raise PermanentError(" ".join(sentences)) from None


def _sentence(settings: type[Settings], detail: Any) -> str:
    name = str(detail["loc"][0]) if detail["loc"] else "settings"
    field = settings.model_fields.get(name)
    is_secret = field is not None and field.annotation is SecretStr
    value = "(hidden)" if is_secret else repr(detail["input"])
    about = f" ({field.description})" if field else ""
    return f"{name.upper()}={value}: {detail['msg']}{about}."
