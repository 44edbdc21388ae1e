"""Hold a conversation over the edge's service: talk, leave before the answer, come back for it."""

from __future__ import annotations

import json
import ssl
import sys
import time
import uuid
from typing import Any

from websockets.sync.client import ClientConnection, connect

Frame = dict[str, Any]

_START = 20.0
"""Seconds for a connection, and for the answer to who one is."""


def _context(url: str) -> ssl.SSLContext | None:
    """Encrypted, but not proved: the certificate is for the name that clients use."""
    if not url.startswith("wss:"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _say(connection: ClientConnection, **frame: object) -> None:
    connection.send(json.dumps(frame))


def _next(connection: ClientConnection, wanted: str, *, within: float) -> Frame:
    """The next frame of that type that is not one's own. An error frame ends the test."""
    until = time.monotonic() + within
    while True:
        frame: Frame = json.loads(connection.recv(timeout=max(0.0, until - time.monotonic())))
        print("<", json.dumps(frame)[:200], flush=True)
        if frame["type"] == "error":
            sys.exit(f"the edge answered {frame['code']}: {frame['message']}")
        if frame["type"] == wanted and frame.get("role") != "user":
            return frame


def main(url: str, within: float) -> None:
    """`within`: seconds for an answer."""
    user = {"user_id": f"helm-test-{uuid.uuid4().hex[:12]}", "device_id": "test"}
    with connect(url, open_timeout=_START, ssl=_context(url)) as first:
        _say(first, **user)
        session = _next(first, "system", within=_START)
        _say(first, type="text", content="Hello! My name is Ada.")
        seen = _next(first, "text", within=within)
        _say(first, type="text", content="What is my name?")
    position = {"epoch": session["epoch"], "seq": seen["seq"], "id": seen["message_id"]}
    with connect(url, open_timeout=_START, ssl=_context(url)) as second:
        _say(second, **user, session_id=session["session_id"], resume=position)
        resumed = _next(second, "system", within=_START)
        if not resumed["recovered"]:
            sys.exit(f"the session was not resumed: {resumed}")
        answer = _next(second, "text", within=within)
    if answer["seq"] <= seen["seq"] or not answer["content"]:
        sys.exit(f"this is no new answer: {answer}")
    print("a conversation was held, left and resumed")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
