"""Everything that Redis holds of one user's sessions, and what the model says it should hold.

Both are one dict, from a key's name without its prefix and tag to what is in it. Times become the
model's: whatever Redis wrote anew is checked against its clock and replaced by the model's tick.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from parley_core.domain import limits
from parley_core.domain.events import Lease
from parley_core.domain.ids import SessionId, UserId
from parley_core.redis import replies
from parley_testing.session_model import TIMESTAMP, Guest, Model, OpenTurn, Session, Waiting
from parley_testing.session_store import SessionStore

FOR_EVER = 10**15
"""The score of what must not become due by itself."""
A_TIME = 10**12
"""Less than any time in milliseconds, more than any tick."""
LEASE = 5_000
REST = 250
A_MOMENT = 5
"""Milliseconds that looking at all lifetimes may take."""

_JSON = ("asks", "answers")

Contents = dict[str, Any]


def timeless(text: str) -> str:
    """Without the times that the store writes into epochs and frames."""
    text = re.sub(r"\b\d{13}-(?=\w)", "", text)
    return re.sub(r'(?<="timestamp":")[^"]+Z', TIMESTAMP, text)


# What should be there:


def expected(model: Model) -> Contents:
    """As `read` would find it."""
    found: Contents = {}
    for session in model.sessions.values():
        found |= _of_session(session)
    leases = {str(session): str(token) for session, token in model.leases.items()}
    leases |= {f"!{session}": "1" for session in model.died}
    ready = model.ready | dict.fromkeys(model.resting, FOR_EVER)
    leased = dict.fromkeys(model.leases, FOR_EVER) | dict.fromkeys(model.overdue, 1)
    user = {f"s:{session}": role for session, role in model.roles.items()}
    if model.current:
        user["current"] = model.current
    found |= {"leases": leases, "ready": ready, "leased": leased, f"user:{model.user}": user}
    found |= {
        f"claim:{process}": [nonce, *_flat(leases)]
        for process, (nonce, leases) in model.claims.items()
    }
    found |= {
        f"fork:{source}:{request}": f"{forked.session}\n{forked.seq}"
        for (source, request), forked in model.forks.items()
    }
    found |= {f"guest:{user}": _of_guest(guest) for user, guest in model.guests.items()}
    found |= {f"rate:{user}:text": spent for user, spent in model.spent.items()}
    found |= {f"rate:{session}:notice": spent for session, spent in model.noticed.items()}
    if model.fence:
        found["fence"] = str(model.fence)
    return {name: held for name, held in found.items() if held}


def _of_guest(guest: Guest) -> dict[str, str]:
    fields = {f"g:{session}": str(role) for session, role in guest.roles.items()}
    return fields | ({"group": str(guest.current)} if guest.current else {})


def _flat(leases: Sequence[Lease]) -> list[str]:
    return [word for lease in leases for word in (lease.session, lease.token)]


def _of_session(session: Session) -> Contents:
    log = [
        (logged.event.seq, logged.event.body.decode(), logged.event.id, logged.event.type,
         logged.event.origin, logged.checkpoint)
        for logged in session.log
    ]  # fmt: skip
    name = session.id
    return {
        f"meta:{name}": {} if session.is_gone else _meta(session),
        f"log:{name}": log,
        f"ids:{name}": {str(id): seq for id, seq in session.ids.items()},
        f"mail:{name}": [_packed(waiting) for waiting in session.mail],
        f"live:{name}": session.live,
        f"seen:{name}": {device: str(seq) for device, seq in session.seen.items()},
    }


def _packed(waiting: Waiting) -> str:
    return f"{waiting.turn}\n{msgspec.json.encode(waiting.mail).decode()}"


def _meta(session: Session) -> dict[str, str]:
    fields = {
        "epoch": session.epoch,
        "seq": session.seq,
        "id": session.top,
        "owner": "ann",
        "floor": session.floor,
        "floor_id": session.floor_id,
        "opener": session.opener,
        "topic": session.topic,
        "reply": session.reply,
        "active": session.active,
        **{f"m:{user}": role for user, role in session.members.items()},
        **{f"s:{turn}": stop for turn, stop in session.stops.items()},
    }
    if session.has_had_members:
        fields["members"] = len(session.members)
    if session.aside:
        fields["aside"] = session.aside
    if session.turn:
        fields |= _open_turn(session.turn)
    if session.ended:
        ended = session.ended
        fields |= {"last": ended.turn, "last_seq": ended.seq, "last_token": ended.token}
    if session.released:
        fields["released"] = session.released
    return {name: str(value) for name, value in fields.items()}


def _open_turn(turn: OpenTurn) -> dict[str, object]:
    fields: dict[str, object] = {"turn": turn.id, "attempt": turn.attempt, "base": turn.base}
    fields |= {"counted": turn.counted, "status": turn.status, "ckpt": turn.checkpoint}
    if turn.nonce is not None and turn.offset is not None:
        fields |= {"nonce": turn.nonce, "offset": turn.offset}
    if turn.stop:
        fields["stop"] = turn.stop
    for name in _JSON:
        if told := getattr(turn, name):
            fields[name] = _plain(told)
    return fields


# What is there:


async def read(store: SessionStore, guests: Iterable[UserId] = ()) -> Contents:
    """Everything under the store's partition but connections and the time of the last sweep.

    And the lists of `guests`, who live in other ones.
    """
    tagged, home = f"{store.keys.tagged(store.partition)}:", store.shared.ready
    names = await store.client.command("KEYS", f"{tagged}*", key=home)
    read = {name.decode().removeprefix(tagged): name.decode() for name in names}
    wanted = {
        short: name
        for short, name in read.items()
        if short.split(":")[0] not in _SKIPPED and not short.endswith(_FORK_RATE)
    }
    wanted |= {f"guest:{user}": store.keys.user(user) for user in guests}
    held = await asyncio.gather(*(_read(store, *item) for item in wanted.items()))
    return {short: each for short, each in zip(wanted, held, strict=True) if each}


_FORK_RATE = ":fork"
"""Ends the bucket of forks, which nobody empties here."""
_SKIPPED = {"online", "conns", "sweep", "barred", "ckpt"}


async def _read(store: SessionStore, short: str, name: str) -> Any:
    match short.split(":", maxsplit=1)[0]:
        case "meta" | "leases" | "seen" | "user" | "guest":
            fields = _pairs(await store.run("HGETALL", name))
            held = {
                field: fields[field] for field in fields if field not in {"created", "rev", "kept"}
            }
            return _sorted(held)
        case "ready" | "leased" | "ids":
            scores = _pairs(await store.run("ZRANGE", name, 0, -1, "WITHSCORES"))
            return {member: int(float(score)) for member, score in scores.items()}
        case "log":
            return [_entry(entry) for entry in await store.run("XRANGE", name, "-", "+")]
        case "mail":
            return [item.decode() for item in await store.run("LRANGE", name, 0, -1)]
        case _:
            return await _read_single(store, short, name)


async def _read_single(store: SessionStore, short: str, name: str) -> Any:
    if short.startswith("rate:"):
        burst = limits.NOTICES if short.endswith(":notice") else store.burst
        return burst - round(float(await store.run("HGET", name, "tokens")))
    value = await store.run("GET", name)
    return msgspec.json.decode(value) if short.startswith("claim:") else replies.text(value)


def _sorted(meta: dict[str, str]) -> dict[str, str]:
    """Redis encodes objects in any order, and empty ones too."""
    told = {field: msgspec.json.decode(meta.pop(field)) for field in _JSON if field in meta}
    return meta | {field: str(_plain(what)) for field, what in told.items() if what}


def _plain(told: Any) -> object:
    return dict(sorted(told.items())) if isinstance(told, dict) else list(told)


def _pairs(reply: Sequence[bytes]) -> dict[str, str]:
    words = [timeless(word.decode()) for word in reply]
    return dict(zip(words[::2], words[1::2], strict=True))


def _entry(entry: Sequence[Any]) -> tuple[int, str, str, str, str, str]:
    event = replies.event(entry)
    checkpoint = entry[1][9].decode() if len(entry[1]) > 8 else ""
    body = timeless(event.body.decode())
    return event.seq, body, event.id, event.type, event.origin, checkpoint


def is_even(lives: dict[str, int], model: Model) -> bool:
    """Whether the keys of each session live equally long."""
    for session in model.sessions:
        own = [life for name, life in lives.items() if name.endswith(f":{session}")]
        if max(own, default=0) - min(own, default=0) > A_MOMENT:
            return False
    return True


class Freezer:
    """Replaces times by ticks, each once. One without a new tick in the model stays."""

    def __init__(self, store: SessionStore, model: Model) -> None:
        self._store = store
        self._model = model
        self._frozen: dict[tuple[str, SessionId], int] = {}

    async def freeze(self) -> None:
        now = await self._store.now()
        living = {
            each.id: each.active for each in self._model.sessions.values() if not each.is_gone
        }
        await asyncio.gather(
            *(self._active(session, tick, now) for session, tick in living.items()),
            *(self._ready(session, tick, now) for session, tick in self._model.ready.items()),
            *(self._leased(session, now) for session in self._model.leases),
        )

    async def _active(self, session: SessionId, tick: int, now: int) -> None:
        meta = self._store.names(session).meta
        active = int(await self._store.run("HGET", meta, "active") or 0)
        if active > A_TIME and self._is_new("active", session, tick):
            assert now - 5_000 <= active <= now
            await self._store.run("HSET", meta, "active", tick)

    async def _ready(self, session: SessionId, tick: int, now: int) -> None:
        ready = self._store.shared.ready
        score = float(await self._store.run("ZSCORE", ready, session) or 0)
        if A_TIME < score < FOR_EVER and self._is_new("ready", session, tick):
            rests = session in self._model.resting
            due = REST * self._counted(session) if rests else 0
            assert now - 5_000 <= score - due <= now
            await self._store.run("ZADD", ready, "XX", FOR_EVER if rests else tick, session)

    async def _leased(self, session: SessionId, now: int) -> None:
        leased = self._store.shared.leased
        score = float(await self._store.run("ZSCORE", leased, session) or 0)
        if session not in self._model.overdue and A_TIME < score < FOR_EVER:
            assert now - 5_000 <= score - LEASE <= now
            await self._store.run("ZADD", leased, "XX", FOR_EVER, session)

    def _counted(self, session: SessionId) -> int:
        turn = self._model.sessions[session].turn
        return turn.counted if turn else 0

    def _is_new(self, what: str, session: SessionId, tick: int) -> bool:
        is_new = self._frozen.get((what, session)) != tick
        self._frozen[what, session] = tick
        return is_new
