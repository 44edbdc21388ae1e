from __future__ import annotations

import pytest

from parley_edge.handshakes import Admission, says_resume, turned_away


def test_past_the_rate_new_clients_wait_and_those_that_resume_come_in() -> None:
    now = [0.0]
    admission = Admission(rate=10.0, clock=lambda: now[0])

    new = [admission.admit(resumes=False) for _ in range(7)]
    resuming = [admission.admit(resumes=True) for _ in range(6)]
    now[0] += 1.0
    later = admission.admit(resumes=False)

    assert [wait is None for wait in new] == [True] * 5 + [False] * 2
    assert [wait is None for wait in resuming] == [True] * 5 + [False]
    assert later is None


@pytest.mark.parametrize(
    ("target", "resumes"),
    [
        ("/ws?resume=1", True),
        ("/?tenant=a&resume=1", True),
        ("/ws", False),
        ("/ws?resume=0", False),
        ("/ws?resumed=1", False),
        ("/resume=1", False),
        ("/ws?resume=1&resume=0", False),
    ],
)
def test_who_comes_back_says_so_in_the_query(target: str, *, resumes: bool) -> None:
    assert says_resume(target) is resumes


@pytest.mark.parametrize(("wait", "seconds"), [(0.001, 1), (1.0, 1), (1.2, 2), (20.0, 20)])
def test_http_counts_the_wait_in_whole_seconds(wait: float, seconds: int) -> None:
    assert b"Retry-After: %d\r\n" % seconds in turned_away(wait)
