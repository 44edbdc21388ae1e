"""Ports that somebody has, and ports that nobody has."""

from __future__ import annotations

import socket

import pytest

from parley_core.domain.errors import PermanentError
from parley_local.ports import refuse_taken, reserve_port
from parley_testing import ports


def test_a_taken_port_is_told_with_the_setting_that_moves_it() -> None:
    with socket.create_server(("127.0.0.1", ports.free_port())) as stranger:
        taken = stranger.getsockname()[1]

        with pytest.raises(PermanentError, match=rf"Port {taken} .* or set ADMIN_PORT"):
            refuse_taken({ports.free_port(): "HTTP_PORT", taken: "ADMIN_PORT"}, host="0.0.0.0")


def test_a_stranger_who_would_share_the_port_is_a_stranger_still() -> None:
    port = ports.free_port()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()

        with pytest.raises(PermanentError):
            refuse_taken({port: "WEBSOCKET_PORT"}, host="127.0.0.1")


def test_the_first_free_candidate_is_taken() -> None:
    free = ports.free_port()
    with socket.create_server(("127.0.0.1", ports.free_port())) as stranger:
        taken = stranger.getsockname()[1]

        reserved = reserve_port([taken, free])
        reserved.release()

        assert reserved.port == free
        with pytest.raises(PermanentError, match="REDIS_URL"):
            reserve_port([taken])


def test_a_reserved_port_is_nobody_elses_though_nobody_listens_there() -> None:
    port = ports.free_port()
    reserved = reserve_port([port])

    with pytest.raises(PermanentError, match="REDIS_URL"):
        reserve_port([port])
    reserved.release()
    reserve_port([port]).release()
