"""Every setting, with its default and, in its description, its unit and why it is what it is."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, Field, SecretStr
from pydantic_core import PydanticCustomError

from parley_core.settings.operator import OperatorSection
from parley_core.settings.units import Port, Rate, Seconds

CHECKPOINTERS = ("parley", "redis", "memory")
"""What CHECKPOINTER calls by a name of its own."""


def _known_checkpointer(name: str) -> str:
    if name not in CHECKPOINTERS and ":" not in name:
        known = ", ".join(CHECKPOINTERS)
        raise PydanticCustomError("checkpointer", f"expected {known} or package.module:attribute")
    return name


class RedisSection(BaseModel):
    """Where everything is kept."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="URL of Redis 6.2, Valkey 7.2 or newer, or of any node of a Cluster of Redis 7;"
        " rediss:// for TLS; redis+sentinel://USER:PASSWORD@HOST,HOST/NAME for the primary that"
        " Sentinels call NAME. A secret: it may hold a password.",
    )
    redis_ca_file: Path | None = Field(
        None,
        description="PEM file of the authorities that sign Redis's certificate. Empty: those of the"
        " system.",
    )

    redis_max_connections: int = Field(
        20,
        ge=4,
        le=10_000,
        description="Connections of one process at most. Calls share one a node and only waits have"
        " their own, so 20 is far more than one server needs.",
    )

    def redis_location(self) -> str:
        """REDIS_URL with the authorities to believe: what a client is given. A secret too."""
        url = self.redis_url.get_secret_value()
        if self.redis_ca_file is None or not url.startswith("rediss"):
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode({'ssl_ca_certs': self.redis_ca_file})}"


class WebsocketSection(BaseModel):
    """What the edge offers to clients."""

    websocket_host: str = Field(
        "0.0.0.0",  # noqa: S104  # a service of a pod or a machine is there to be reached
        min_length=1,
        description="Address to listen on. All addresses: clients are on other machines.",
    )
    websocket_port: Port = Field(
        8765, description="Port of the WebSocket and of the edge's /v1; several edges may share it."
    )
    max_message_size: int = Field(
        1_048_576,
        ge=1_024,
        le=16_777_216,
        description="Bytes of one frame from a client; more is answered MESSAGE_TOO_LARGE. 10,000"
        " characters need 40 kB, the rest is room for what comes.",
    )
    compression: bool = Field(
        False,
        description="Whether frames are deflated for clients that offer permessage-deflate. Off: on"
        " short frames it costs more CPU than the bytes are worth; on for long answers over slow"
        " networks.",
    )
    heartbeat_interval: Seconds = Field(
        30, description="Seconds; how often clients are told to send a heartbeat."
    )
    session_timeout: Seconds = Field(
        300,
        description="Seconds without a frame or a pong after which a connection is closed: ten"
        " heartbeats.",
    )
    ssl_certfile: Path | None = Field(
        None, description="PEM file. Set, the edge speaks TLS; else something before it should."
    )
    ssl_keyfile: Path | None = Field(
        None, description="PEM file of the certificate's key, if SSL_CERTFILE does not hold it too."
    )
    max_connections_per_user: int = Field(
        20,
        ge=1,
        le=10_000,
        description="Connections of one user to one edge; tabs count. Enough for a person, too few"
        " for a flood.",
    )
    resume_rate: Rate = Field(
        200,
        description="Connections a second that one edge takes from edges that drain or rebalance:"
        " what it can resume without making its own clients wait.",
    )
    admission_rate: Rate = Field(
        3_000,
        description="Handshakes a second that one edge takes; past it clients are told when to come"
        " again, new ones before those that resume. So a storm does not silence who is there.",
    )
    max_connections: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Connections of one edge; one more is closed 4003 when it says who it is. 0: as"
        " many as memory and file descriptors allow.",
    )
    endpoint_delay: float = Field(
        0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="Seconds that a draining edge still accepts. 0 on one machine; 5 on Kubernetes,"
        " where proxies hear late that it is not ready.",
    )


class LanggraphSection(BaseModel):
    """How the agent runs, and what is kept of it."""

    checkpointer: Annotated[str, AfterValidator(_known_checkpointer)] = Field(
        "parley",
        description="What keeps the agent's states: parley (in Redis, fenced), redis (that of the"
        " package langgraph-checkpoint-redis, for those who have its data), memory (of each worker,"
        " for trying things out) or package.module:attribute (a BaseCheckpointSaver or a factory).",
    )
    checkpoint_ttl: float = Field(
        120,
        gt=0,
        le=525_600,
        allow_inf_nan=False,
        description="Minutes that checkpoints live which are not the newest, renewed when they are"
        " read. They are for looking back; the newest lives as long as its session.",
    )
    max_checkpoints: int = Field(
        100, ge=1, le=100_000, description="Checkpoints kept of one session; the oldest go first."
    )
    checkpoint_interval: int = Field(
        10,
        ge=1,
        le=100_000,
        description="Every how many turns a checkpoint is kept for looking back. The newest is"
        " always kept.",
    )
    turn_timeout: Seconds = Field(
        300, description="Seconds of one turn; then it fails. Long enough for slow tools."
    )
    parley_graph: str = Field(
        "",
        description="The agent: package.module:attribute (a compiled graph, a builder or a factory)"
        " or a langgraph.json. Empty: the default graph.",
    )
    parley_model: str = Field(
        "",
        description="Model of the default graph, as init_chat_model takes it (openai:gpt-4o-mini)."
        " Empty: an offline responder, so that a fresh machine can chat.",
    )
    responder_pauses: bool = Field(
        True,
        description="Whether the offline responder writes as slowly as a model. Off: for tests.",
    )
    max_running_turns: int = Field(
        64,
        ge=1,
        le=10_000,
        description="Sessions that one worker runs at a time. Turns mostly wait for a model.",
    )


class SystemSection(BaseModel):
    """What all services share."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )
    debug: bool = Field(
        False,
        description="Logs at DEBUG and lets asyncio complain of slow steps. Costs speed.",
    )
    server_id: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this process on the wire and in Redis; each start adds its boot.",
    )
    parley_boot: str = Field(
        "",
        pattern=r"^[a-z0-9]{0,16}$",
        description="This start of the process, for whoever starts it and must know its id."
        " Empty: 8 random characters.",
    )
    key_prefix: str = Field(
        "parley",
        pattern=r"^[A-Za-z0-9._-]{1,32}$",
        description="First part of every key in Redis, so that installations may share a server.",
    )
    service_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token of back ends on /v1 and of orders on admin ports. A secret."
        " Empty: no back ends, and orders from this machine only.",
    )
    http_port: Port = Field(8780, description="Port of /v1 of conversation and presence.")
    admin_port: Port = Field(8766, description="Port of /healthz, /readyz, /metrics and orders.")
    advertise_host: str = Field(
        "",
        max_length=253,
        pattern=r"^[A-Za-z0-9.:_-]*$",
        description="Name or address at which others reach this process's admin port, as its beat"
        " tells them: the pod's IP on Kubernetes. Empty: the address it listens on, or, if that is"
        " every address, the machine's own on its way out; without a SERVICE_TOKEN loopback, as"
        " orders from elsewhere are refused anyway.",
    )
    drain_timeout: Seconds = Field(
        30,
        description="Seconds of a drain; whatever is left then is closed. Kubernetes' own default.",
    )
    rate_text: Rate = Field(
        20, description="Texts a second of one user. No person writes faster; a script may."
    )
    rate_text_burst: int = Field(
        40,
        ge=1,
        le=1_000_000,
        description="Texts that one user may send at once: two seconds' worth.",
    )
    max_sessions_per_user: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Sessions of one user's list; past it the oldest idle one is archived.",
    )
    max_messages_per_session: int = Field(
        1_000,
        ge=10,
        le=100_000,
        description="Newest entries kept of a session's log, and message ids known by heart.",
    )
    cleanup_interval: Seconds = Field(
        3_600,
        description="Seconds between sweeps of what dead processes left in lists. It costs Redis a"
        " little and nobody waits for it.",
    )
    parley_release: str = Field(
        "",
        max_length=64,
        description="Release that this process belongs to; shown by /v1/processes.",
    )
    parley_namespace: str = Field("", max_length=64, description="Kubernetes namespace, if any.")
    parley_pod: str = Field("", max_length=64, description="Kubernetes pod, if any.")
    supervisor_evict: bool = Field(
        True,
        description="Whether `make up` hands a dead process's sessions on at once. Off, they wait"
        " for its leases to expire: 5 s.",
    )


SECTIONS: dict[str, type[BaseModel]] = {
    "redis": RedisSection,
    "websocket": WebsocketSection,
    "langgraph": LanggraphSection,
    "operator": OperatorSection,
    "system": SystemSection,
}


def yaml_name(section: str, field: str) -> str:
    """`redis.url` for `redis_url`: the name in the file."""
    return f"{section}.{field.removeprefix(f'{section}_')}"
