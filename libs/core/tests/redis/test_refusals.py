"""What passes and what is a bug."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from parley_core.domain.errors import Unavailable
from parley_core.redis.refusals import BrokenReply, ErrorReply, judged, new_reader

PASSING = [
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN Hash slot not served",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "MOVED 3999 127.0.0.1:6381",
    "NOREPLICAS Not enough good replicas to write.",
    "UNBLOCKED force unblock from blocking operation, instance state changed",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "ERR max number of clients reached",
    "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not",
]
BUGS = [
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "ERR unknown command 'FOO'",
    "BUSYGROUP Consumer Group name already exists",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "NOPERM this user has no permissions to run the 'get' command",
    "ERR Error running script (call to f_1): @user_script:1: user_script:1: it said OOM ",
]


@pytest.mark.parametrize("text", PASSING)
def test_what_says_nothing_about_the_call_is_unavailable(text: str) -> None:
    error = judged(ErrorReply(text), node="here")

    assert isinstance(error, Unavailable)
    assert text in str(error)


@pytest.mark.parametrize("text", BUGS)
def test_what_a_repeat_would_not_mend_is_a_response_error(text: str) -> None:
    error = judged(ErrorReply(text), node="here")

    assert isinstance(error, ResponseError)
    assert text in str(error.args)


def test_bytes_that_are_no_reply_are_told() -> None:
    reader = new_reader()
    reader.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(BrokenReply):
        reader.gets()
