from __future__ import annotations

import httpx
import httpx2
import openai
import pytest

from parley_conversation.domain.failures import RETRIES, failure_of

REQUEST = httpx2.Request("POST", "http://model.test")


def status(code: int, **headers: str) -> Exception:
    response = httpx2.Response(code, request=REQUEST, headers=headers)
    return openai.APIStatusError("no", response=response, body=None)


@pytest.mark.parametrize("code", [408, 409, 429, 500, 502, 503, 529])
def test_what_may_pass_is_tried_again_after_a_growing_pause(code: int) -> None:
    pauses = []
    for tries in range(RETRIES):
        failure = failure_of(status(code), tries=tries)
        assert failure is not None
        pauses.append(failure.after)

    assert pauses == [0.5, 1, 2, 4]


def test_after_so_many_tries_it_is_told() -> None:
    failure = failure_of(status(503), tries=RETRIES)

    assert failure is not None
    assert (failure.after, "try again later" in failure.told) == (None, True)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422])
def test_what_a_provider_refuses_is_told_at_once(code: int) -> None:
    failure = failure_of(status(code), tries=0)

    assert failure is not None
    assert failure.after is None
    assert "refused" in failure.told or "too long" in failure.told


@pytest.mark.parametrize(
    "error",
    [
        openai.APIConnectionError(request=REQUEST),
        openai.APITimeoutError(request=REQUEST),
        httpx.ReadTimeout("late"),
        httpx.ConnectError("nobody there"),
        TimeoutError(),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_failed_may_work_later(error: Exception) -> None:
    failure = failure_of(error, tries=0)

    assert failure is not None
    assert failure.after == 0.5


def test_a_pause_that_the_provider_asks_for_is_kept_within_bounds() -> None:
    asked = [failure_of(status(429, **{"retry-after": after}), tries=0) for after in ("7", "900")]

    assert [failure.after for failure in asked if failure] == [7, 20]


def test_a_pause_that_is_a_date_is_not_understood() -> None:
    failure = failure_of(status(429, **{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), tries=0)

    assert failure is not None
    assert failure.after == 0.5


def test_the_cause_of_a_graphs_own_error_counts() -> None:
    error = RuntimeError("the node failed")
    error.__cause__ = status(429)

    assert failure_of(error, tries=0) is not None


def test_an_error_of_the_graph_is_none_of_a_models() -> None:
    assert failure_of(ValueError("poison"), tries=0) is None


def test_a_circle_of_causes_has_an_end() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one

    assert failure_of(one, tries=0) is None
