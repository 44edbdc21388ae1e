"""A proxy before Redis that knows commands from replies."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from hashlib import sha1
from weakref import WeakKeyDictionary

import hiredis

from parley_testing.proxy import Pipe, TcpProxy

Command = list[bytes]

_NOTHING = object()
_STALE = ([b"stale"], b"stale")
_PATIENCE = 1.0
"""Seconds that the server gets to execute what it was sent before the client is cut off."""


class RedisProxy(TcpProxy):
    """`TcpProxy` before one Redis server; the clients speak RESP2."""

    def __init__(self, target: int, *, host: str = "127.0.0.1") -> None:
        super().__init__(target, host=host)
        self.cut_replies: Counter[str] = Counter()
        """Commands that were executed and whose reply the client never got, by `name_of`."""
        self.stale: Counter[str] = Counter()
        """Scripts that refused a write because its token was not the current one, by SHA1."""
        self._cuts_left = 0
        self._cuts: Callable[[Command], bool] = lambda _command: True
        self._talks: WeakKeyDictionary[Pipe, _Talk] = WeakKeyDictionary()

    def cut_before_reply(
        self, match: Callable[[Command], bool] = lambda _command: True, *, times: int = 1
    ) -> None:
        """For the next commands that match: let the server execute it, then cut the connection.

        No reply passes from that moment on, so all other calls in flight there lose theirs too;
        `cut_replies` counts every one of them.
        """
        self._cuts = match
        self._cuts_left = times

    def request(self, pipe: Pipe, chunk: bytes) -> None:
        talk = self._talks.setdefault(pipe, _Talk())
        if pipe.is_deaf:
            return
        super().request(pipe, chunk)
        commands = talk.commands(chunk)
        self.asked(pipe, commands)
        if self._cuts_left and any(self._cuts(command) for command in commands):
            self._cuts_left -= 1
            self._cut(pipe, talk)

    def asked(self, pipe: Pipe, commands: list[Command]) -> None:
        """Commands that came whole with one chunk: what a client sent at once."""

    def reply(self, pipe: Pipe, chunk: bytes) -> None:
        if not pipe.is_deaf:
            self.stale.update(self._talks[pipe].stale_in(chunk))
        super().reply(pipe, chunk)

    def _cut(self, pipe: Pipe, talk: _Talk) -> None:
        self.cut_replies.update(talk.unanswered)
        # Redis executes all that it was sent before it sees the end, and closes its side then.
        pipe.cut_off(within=_PATIENCE)


class _Talk:
    """Which commands of one connection have no reply yet."""

    def __init__(self) -> None:
        self.unanswered: deque[str] = deque()
        self._requests = hiredis.Reader(notEnoughData=_NOTHING)
        self._replies = hiredis.Reader(notEnoughData=_NOTHING)

    def commands(self, chunk: bytes) -> list[Command]:
        """The commands that are complete with `chunk`."""
        self._requests.feed(chunk)
        commands = []
        while (command := self._requests.gets()) is not _NOTHING:
            commands.append(command)
            self.unanswered.append(name_of(command))
        return commands

    def stale_in(self, chunk: bytes) -> list[str]:
        """Read the replies in `chunk`; the commands that were refused as stale."""
        stale = []
        self._replies.feed(chunk)
        while (reply := self._replies.gets()) is not _NOTHING:
            # What a subscriber hears answers no command.
            if self.unanswered:
                name = self.unanswered.popleft()
                if reply in _STALE:
                    stale.append(name)
        return stale


def name_of(command: Command) -> str:
    """A script's SHA1, also for its EVAL; else the command's own name in upper case."""
    verb = command[0].decode().upper()
    if verb == "EVALSHA":
        return command[1].decode()
    if verb == "EVAL":
        return sha1(command[1], usedforsecurity=False).hexdigest()
    return verb
