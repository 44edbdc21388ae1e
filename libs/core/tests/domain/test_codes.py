from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.codes import CLOSES, CloseCode, ErrorCode, Reconnect, reconnect_after

# The protocol's table, written out once more: an edit of one must be an edit of both.
TABLE = {
    1009: Reconnect.WITH_BACKOFF,
    1012: Reconnect.AT_ONCE,
    4000: Reconnect.WITH_BACKOFF,
    4001: Reconnect.WITH_BACKOFF,
    4002: Reconnect.WITH_NEW_TOKEN,
    4003: Reconnect.WITH_BACKOFF,
    4500: Reconnect.NEVER,
    4501: Reconnect.NEVER,
    4502: Reconnect.NEVER,
    4503: Reconnect.NEVER,
}
ERRORS = (
    "INVALID_MESSAGE UNKNOWN_MESSAGE_TYPE UNKNOWN_COMMAND MESSAGE_TOO_LARGE UNAUTHENTICATED"
    " FORBIDDEN RATE_LIMITED SESSION_NOT_FOUND SESSION_LIMIT BUSY RETRY_TOO_OLD TURN_FAILED"
    " TURN_ROLLED_BACK TURN_ENDED NO_SUCH_INTERRUPT UNAVAILABLE INTERNAL"
)


@pytest.mark.parametrize("code", TABLE)
def test_a_close_code_tells_a_client_what_to_do(code: int) -> None:
    assert reconnect_after(code) is TABLE[code]


def test_every_close_code_is_in_the_table_with_a_reason_that_fits_a_frame() -> None:
    assert {int(code) for code in CloseCode} == set(TABLE) == {int(code) for code in CLOSES}
    assert all(0 < len(close.reason.encode()) <= 123 for close in CLOSES.values())


def test_the_error_codes_are_those_of_the_protocol() -> None:
    assert [code.value for code in ErrorCode] == ERRORS.split()


@given(st.integers(4500, 4999))
def test_codes_from_4500_on_never_reconnect(code: int) -> None:
    assert reconnect_after(code) is Reconnect.NEVER


@given(st.integers(1000, 4499))
def test_all_other_codes_reconnect(code: int) -> None:
    assert reconnect_after(code) is not Reconnect.NEVER
