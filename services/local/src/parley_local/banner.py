"""What the user reads when everything runs."""

from __future__ import annotations

from parley_local.plan import Plan
from parley_local.settings import LocalSettings

_USUAL_PORT = 8765


def banner(settings: LocalSettings, plan: Plan, *, redis: str) -> str:
    """Where to connect and how to chat. `redis`: what is said of it, without a password."""
    scheme = "wss" if settings.ssl_certfile else "ws"
    url = f"{scheme}://localhost:{settings.websocket_port}"
    chat = ".venv/bin/parley chat"
    if url != f"ws://localhost:{_USUAL_PORT}":
        chat += f" --url {url}"
    health = "  ".join(f"{part.name} :{part.admin_port}" for part in plan.parts)
    agent = settings.parley_graph or f"the default graph, {_model(settings)}"
    rows = {
        "connect": f"{url}  (or {url}/ws)",
        "chat": chat,
        "agent": agent,
        "history": f"http://localhost:{settings.http_port}/v1  (described by /openapi.json)",
        "presence": f"http://localhost:{settings.http_port + 1}/v1  (described by /openapi.json)",
        "health": health,
        "redis": redis,
    }
    lines = [f"  {name:<9} {value}" for name, value in rows.items()]
    return "\n".join(
        [
            "",
            "Parley is up.",
            "",
            *lines,
            "",
            "Ctrl-C drains and ends it; twice ends it at once.",
            "",
        ]
    )


def _model(settings: LocalSettings) -> str:
    return settings.parley_model or "offline responder (set PARLEY_MODEL for a model)"
