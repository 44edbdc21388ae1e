"""Where a primary is, as its Sentinels say.

They are asked before each connect, one after another, as Redis's guidelines for clients of
Sentinel say. A primary that was demoted meanwhile is left by its READONLY, and by the Sentinels
themselves, who end all connections to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.wire import Access, Address, ask, parse_url

SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
"""With TLS it is for the Sentinels and the servers alike."""
PORT = 26379
_FORM = "redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]"


class Place(Protocol):
    """Where the server of a URL is."""

    async def address(self, *, within: float) -> Address:
        """Raises `Unavailable` if nobody knows within so many seconds, `PermanentError`."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A server that stays where it is, or whose name is moved by others."""

    server: Address

    async def address(self, *, within: float) -> Address:  # noqa: ARG002  # nobody is asked
        return self.server


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Those who watch the primary called `name`."""

    addresses: tuple[Address, ...]
    access: Access
    name: str

    async def address(self, *, within: float) -> Address:
        """Of the primary; a Sentinel that does not know one is passed over like a dead one."""
        reasons = []
        for sentinel in self.addresses:
            try:
                return await self._told_by(sentinel, within=within / len(self.addresses))
            except Unavailable as error:
                reasons.append(str(error))
        raise Unavailable(f"No Sentinel knows the primary {self.name}: {'; '.join(reasons)}")

    async def _told_by(self, sentinel: Address, *, within: float) -> Address:
        (told,) = await ask(
            sentinel,
            self.access,
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name),
            within=within,
        )
        if told is None:
            raise Unavailable(f"Sentinel at {sentinel} watches no {self.name}")
        host, port = told
        return Address(host.decode(), int(port))


def parse_place(url: str, *, name: str) -> tuple[Place, Access]:
    """What REDIS_URL says: a server, or Sentinels that know one. Raises `PermanentError`.

    `name` is what CLIENT LIST shows.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        address, access = parse_url(url, name=name)
        return Fixed(address), access
    login, _, hosts = parts.netloc.rpartition("@")
    primary, _, db = parts.path.strip("/").partition("/")
    options = dict(parse_qsl(parts.query))
    own = _login(options.pop("sentinel_username", ""), options.pop("sentinel_password", ""))
    if not hosts or not primary:
        raise PermanentError(f"REDIS_URL of Sentinels has the form {_FORM}")

    def plain(place: str, *, login: str, path: str = "") -> tuple[Address, Access]:
        before = f"{login}@" if login else ""
        plain_url = f"{SCHEMES[parts.scheme]}://{before}{place}/{path}?{urlencode(options)}"
        return parse_url(plain_url, name=name)

    _, access = plain("any", login=login, path=db)
    _, sentinel_access = plain("any", login=own)
    addresses = tuple(plain(_with_port(host), login="")[0] for host in hosts.split(","))
    return Sentinels(addresses, sentinel_access, primary), access


def _login(user: str, password: str) -> str:
    return f"{quote(user, safe='')}:{quote(password, safe='')}" if password else ""


def _with_port(host: str) -> str:
    return host if urlsplit(f"//{host}").port else f"{host}:{PORT}"
