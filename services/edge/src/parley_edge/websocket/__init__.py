"""WebSockets below the connections: the handshake, and the open socket."""
