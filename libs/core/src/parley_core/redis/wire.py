"""One open socket to one node of Redis: packed commands go out, parsed replies come in.

redis-py reads the URL and makes the TLS context; its own connection is left out, because it wakes
a task and takes three coroutines for each reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ssl import SSLCertVerificationError, SSLContext
from typing import Any, cast

import hiredis
from redis.asyncio import ConnectionPool, SSLConnection
from redis.asyncio.connection import Connection
from redis.exceptions import RedisError

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.refusals import NOTHING, BrokenReply, ErrorReply, judged, new_reader, passes

Argument = str | bytes | int | float

_UNSENT = 64 * 2**20
"""Bytes that may wait for the socket before `Wire.full`."""


def pack(*args: Argument) -> bytes:
    """A command as it goes over the wire. Raises ValueError for text with lone surrogates."""
    packed: bytes = hiredis.pack_command(args)  # type: ignore[arg-type]  # its stub says 1-tuple
    return packed


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in at any node: what a URL says beside the address."""

    name: str
    username: str | None
    password: str | None = field(repr=False)
    db: int
    tls: SSLContext | None

    def greeting(self) -> list[bytes]:
        """The commands that a new connection begins with."""
        commands: list[tuple[Argument, ...]] = []
        if self.password is not None:
            user = () if self.username is None else (self.username,)
            commands.append(("AUTH", *user, self.password))
        commands.append(("CLIENT", "SETNAME", self.name))
        if self.db:
            commands.append(("SELECT", self.db))
        return [pack(*command) for command in commands]


def parse_url(url: str, *, name: str) -> tuple[Address, Access]:
    """What redis-py makes of a `redis://` or `rediss://` URL. Raises `PermanentError`.

    `name` is what CLIENT LIST shows.
    """
    try:
        pool = ConnectionPool.from_url(url)
        options = pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, RedisError) as error:
        # redis-py's text names the option; the URL itself may hold a password.
        raise PermanentError(f"REDIS_URL cannot be used: {error}") from None
    if not isinstance(options, Connection):
        raise PermanentError("REDIS_URL must begin with redis:// or rediss://")
    tls = options.ssl_context.get() if isinstance(options, SSLConnection) else None
    access = Access(name, options.username, options.password, int(options.db), tls)
    return Address(options.host, options.port), access


def _ignore(_: Any) -> None:
    pass


class Wire(asyncio.Protocol):
    """`on_reply` gets each reply in order; `on_lost` the reason, once, unless we closed it."""

    def __init__(self) -> None:
        self._reader = new_reader()
        self._transport: asyncio.Transport | None = None
        self.on_reply: Callable[[Any], None] = _ignore
        self.on_lost: Callable[[str], None] = _ignore
        self.received = 0
        """Chunks so far; a change is a sign of life."""
        self.full = False
        """Too many bytes wait for the socket."""

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Drop the socket at once; neither callback is called any more."""
        self.on_reply = self.on_lost = _ignore
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    async def exchange(self, commands: Sequence[bytes]) -> list[Any]:
        """Send all and wait for a reply to each. Raises `Unavailable` if the socket breaks."""
        replies: list[Any] = []
        done = asyncio.get_running_loop().create_future()

        def take(reply: Any) -> None:
            replies.append(reply)
            if len(replies) == len(commands) and not done.done():
                done.set_result(None)

        def fail(reason: str) -> None:
            if not done.done():
                done.set_exception(Unavailable(reason))

        self.on_reply, self.on_lost = take, fail
        self.write(b"".join(commands))
        await done
        if self._transport is None:
            raise Unavailable("closed the connection")
        return replies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass, so no isinstance.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_UNSENT)

    def data_received(self, data: bytes) -> None:
        self.received += 1
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not NOTHING:
                self.on_reply(reply)
        except BrokenReply as error:
            self._lost(f"sent what is not the protocol: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(f"closed the connection ({exc})" if exc else "closed the connection")

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False

    def _lost(self, reason: str) -> None:
        tell = self.on_lost
        self.close()
        tell(reason)


async def open_wire(
    address: Address, access: Access, *, preload: Sequence[bytes] = (), within: float
) -> Wire:
    """Connect, authenticate, and send `preload`, whose replies do not matter unless they pass.

    Raises `Unavailable`, and `PermanentError` when Redis does not let us in.
    """
    try:
        async with asyncio.timeout(within):
            wire = await _connect(address, access)
            try:
                await _greet(wire, access.greeting(), preload)
            except BaseException:
                wire.close()
                raise
    except TimeoutError:
        raise Unavailable(f"Redis at {address} did not answer within {within} s") from None
    except SSLCertVerificationError as error:
        raise PermanentError(f"The certificate of Redis at {address}: {error}") from error
    except OSError as error:
        raise Unavailable(f"Redis at {address} cannot be reached: {error}") from error
    except (Unavailable, PermanentError) as error:
        raise type(error)(f"Redis at {address} {error}") from None
    return wire


async def _connect(address: Address, access: Access) -> Wire:
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(Wire, address.host, address.port, ssl=access.tls)
    return wire


async def _greet(wire: Wire, greeting: Sequence[bytes], preload: Sequence[bytes]) -> None:
    replies = await wire.exchange([*greeting, *preload])
    errors = [reply for reply in replies if isinstance(reply, ErrorReply)]
    for error in errors:
        if passes(error):
            raise Unavailable(f"refused for now: {error.text}")
    for reply in replies[: len(greeting)]:
        if isinstance(reply, ErrorReply):
            raise PermanentError(f"does not let us in: {reply.text}")


async def ask(
    address: Address, access: Access, *commands: Sequence[Argument], within: float
) -> list[Any]:
    """The replies to a few commands over a connection of their own.

    Raises `Unavailable`, `PermanentError`.
    """
    wire = await open_wire(address, access, within=within)
    try:
        async with asyncio.timeout(within):
            replies = await wire.exchange([pack(*command) for command in commands])
    except TimeoutError:
        raise Unavailable(f"Redis at {address} did not answer within {within} s") from None
    finally:
        wire.close()
    for reply in replies:
        if isinstance(reply, ErrorReply):
            raise judged(reply, node=address)
    return replies
