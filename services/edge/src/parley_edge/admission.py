"""Who may come in."""

from __future__ import annotations

from parley_core.domain.client_frames import Auth
from parley_core.domain.codes import CloseCode, ErrorCode
from parley_core.domain.errors import PermanentError, Refused
from parley_core.domain.ids import UserId
from parley_edge.edge import Edge


class TurnedAwayError(PermanentError):
    """The connection cannot stay: an error frame, then the close."""

    def __init__(self, code: ErrorCode, message: str, *, close: CloseCode) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.close = close


async def admit(auth: Auth, *, edge: Edge) -> UserId:
    """The user, who then counts as here. Raises `TurnedAwayError`, `Unavailable`."""
    if edge.connection_limit and len(edge.roster) > edge.connection_limit:
        raise TurnedAwayError(
            ErrorCode.UNAVAILABLE,
            "This server takes no more connections.",
            close=CloseCode.OVERLOADED,
        )
    try:
        user = await edge.authenticator.verify(UserId(auth.user_id), auth.token)
    except Refused as refused:
        close = CloseCode.UNAUTHENTICATED
        raise TurnedAwayError(refused.code, refused.message, close=close) from refused
    if edge.roster.count(user) >= edge.user_limit:
        raise TurnedAwayError(
            ErrorCode.FORBIDDEN,
            f"A user has at most {edge.user_limit} connections.",
            close=CloseCode.TOO_MANY_CONNECTIONS,
        )
    edge.roster.identify(user)
    return user
