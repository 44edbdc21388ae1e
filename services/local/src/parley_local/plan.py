"""What runs on one machine: the processes, their names and their ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from parley_local.settings import LocalSettings

EDGES = 2
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One process. `name` is its SERVER_ID, `environment` what it gets beside its parent's."""

    name: str
    module: str
    admin_port: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def health(self) -> str:
        """Answers 200 when the process is ready."""
        return f"{self.admin_url}/readyz"

    @property
    def admin_url(self) -> str:
        """Where it takes orders."""
        return f"http://127.0.0.1:{self.admin_port}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All processes, in the order in which they are stopped: whoever brings work in goes first."""

    edges: tuple[Part, ...]
    workers: tuple[Part, ...]
    presence: tuple[Part, ...]
    ports: Mapping[int, str]
    """Each port that is taken, and the setting that moves it."""

    @property
    def stages(self) -> tuple[tuple[Part, ...], ...]:
        return (self.edges, self.workers, self.presence)

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for stage in self.stages for part in stage)


def make_plan(settings: LocalSettings) -> Plan:
    """Two edges that share a port, two workers, one presence service; admin ports in a row."""
    admin, http = settings.admin_port, settings.http_port
    edges = _parts("edge", "parley_edge", count=EDGES, admin=admin)
    workers = _parts("worker", "parley_conversation", count=WORKERS, admin=admin + EDGES, http=http)
    presence = _parts(
        "presence", "parley_presence", count=1, admin=admin + EDGES + WORKERS, http=http + 1
    )
    everybody = (*edges, *workers, *presence)
    return Plan(
        edges=edges,
        workers=workers,
        presence=presence,
        ports={
            settings.websocket_port: "WEBSOCKET_PORT",
            http: "HTTP_PORT",
            http + 1: "HTTP_PORT",
            **{part.admin_port: "ADMIN_PORT" for part in everybody},
        },
    )


def _parts(
    kind: str, module: str, *, count: int, admin: int, http: int | None = None
) -> tuple[Part, ...]:
    return tuple(
        _part(f"{kind}-{number + 1}", module, admin=admin + number, http=http)
        for number in range(count)
    )


def _part(name: str, module: str, *, admin: int, http: int | None) -> Part:
    environment = {"SERVER_ID": name, "ADMIN_PORT": str(admin)}
    if http is not None:
        environment["HTTP_PORT"] = str(http)
    return Part(name, module, admin, environment)
