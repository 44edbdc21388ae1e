"""What clients were told, counted from their own records."""

from __future__ import annotations

import json

from parley.bench.record import DeviceRecord, Entry, History


def told(history: History, code: str) -> int:
    return sum(f'"code":"{code}"' in entry.data for record in history for entry in record.entries)


def later_attempts(history: History) -> int:
    """Turns that began more than once, as the clients were told."""
    turns = set()
    for record in history:
        for entry in record.entries:
            if '"type":"turn"' in entry.data:
                frame = json.loads(entry.data)
                if frame["type"] == "turn" and frame["attempt"] > 1:
                    turns.add(frame["turn_id"])
    return len(turns)


def devices_told(history: History) -> int:
    """Devices that were told, after their first attach, that something cannot be given to them."""
    return sum(
        any('"recovered":false' in entry.data for entry in _greetings(record)[1:])
        for record in history
    )


def _greetings(record: DeviceRecord) -> list[Entry]:
    return [entry for entry in record.entries if '"recovered":' in entry.data]


def users_on_two_edges(history: History) -> int:
    edges: dict[str, set[str]] = {}
    for record in history:
        for entry in record.entries:
            if '"server_id"' in entry.data:
                server = json.loads(entry.data).get("server_id")
                edges.setdefault(record.user_id, set()).add(server)
    return sum(len(servers) > 1 for servers in edges.values())
