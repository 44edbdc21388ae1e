"""Where clients are: WebSockets on one side, Redis on the other.

In layers, from the top; a module imports only from layers below its own, or without a circle from
its neighbours. `.importlinter` holds it.

- `app` puts the parts together, and `__main__` runs it.
- `api` and `membership_api` are what back ends and users ask over HTTP, `openapi` says so.
- The process: `endpoint` takes clients in, `broadcasting` tells all of them, `drain` sends them
  elsewhere, `health` and `pulse` tell how it is.
- What a client asks: `requests` knows what each frame does, and `commands`, `appending`, `opening`
  and `admission` do it.
- One client: `connection` is its state, `follower` brings it a session, `outbox` is the way out.
- `edge` is what all clients share.
- Those parts: `hub` and what it stands on hear the sessions, `roster` knows who is here,
  `departures` who left.
- The ground: `protocol` is the WebSocket, `tasks` own what runs, beside `metrics` and `settings`.
- `domain` is rules alone.
"""
