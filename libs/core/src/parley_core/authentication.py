"""Who asks: a user, or a back end with the service token."""

from __future__ import annotations

from hmac import compare_digest

from parley_core.domain.ids import UserId

BELIEVING = "every client is believed to be the user it names: do not open this to the internet"
"""What a service that uses `BelievingAuthenticator` says in a warning when it starts."""


class BelievingAuthenticator:
    """Implements `ports.Authenticator` until tokens can be verified: believes the user id."""

    async def verify(self, user: UserId, token: str | None) -> UserId:  # noqa: ARG002
        return user


def bearer_token(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer` header; None if it has none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_service_token(token: str | None, *, expected: str) -> bool:
    """Whether `token` is the SERVICE_TOKEN, in constant time; never when none is set."""
    if not expected or token is None:
        return False
    return compare_digest(token.encode(errors="surrogateescape"), expected.encode())
