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


def _context(url: str) -> ssl.SSLContext | None:
    """Encrypted, but not proved: the certificate is for the name that clients use."""
    if not url.startswith("wss:"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _open(url: str, **auth: object) -> tuple[ClientConnection, Frame]:
    connection = connect(url, open_timeout=20, ssl=_context(url))
    connection.send(json.dumps(auth))
    return connection, _next(connection, "system", within=20)


def _next(connection: ClientConnection, wanted: str, *, within: float) -> Frame:
    """The next frame of that type. Raises `TimeoutError`; an error frame ends the test."""
    until = time.monotonic() + within
    while True:
        frame: Frame = json.loads(connection.recv(timeout=max(0.0, until - time.monotonic())))
        print("<", json.dumps(frame)[:300], flush=True)
        if frame["type"] == "error":
            sys.exit(f"the edge answered {frame['code']}: {frame['message']}")
        if frame["type"] == wanted and frame.get("role") != "user":
            return frame


def main(url: str, within: float) -> None:
    user = {"user_id": f"helm-test-{uuid.uuid4().hex[:12]}", "device_id": "test"}
    first, system = _open(url, **user)
    with first:
        first.send(json.dumps({"type": "text", "content": "Hello! My name is Ada."}))
        before = _next(first, "text", within=within)
        first.send(json.dumps({"type": "text", "content": "What is my name?"}))
    position = {"epoch": system["epoch"], "seq": before["seq"], "id": before["message_id"]}
    second, system = _open(url, **user, session_id=system["session_id"], resume=position)
    with second:
        if not system.get("recovered"):
            sys.exit(f"the session was not resumed: {system}")
        answer = _next(second, "text", within=within)
    if answer["seq"] <= before["seq"] or not answer["content"]:
        sys.exit(f"this is no new answer: {answer}")
    print("a conversation was held, left and resumed")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
