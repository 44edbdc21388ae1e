"""A live frame as it came, and what all connections that get it share."""

from __future__ import annotations

import msgspec

from parley_core.domain.cursor import Cursor
from parley_core.domain.ids import Epoch, MessageId, Seq
from parley_core.domain.live import LiveFrame
from parley_core.domain.server_frames import Delta
from parley_edge.domain.framing import Place
from parley_edge.domain.rendering import Audience
from parley_edge.domain.standing import Judgement, Standing, Verdict, judge

_NOBODY = Standing(Cursor(Epoch(""), Seq(0), MessageId("")))
"""Where nobody stands: compared by identity."""
_delta_decoder = msgspec.json.Decoder(Delta)


class Renderings(dict[Audience, bytes | None]):
    """A frame in the words and the form of each audience, made for its first connection."""

    def __init__(self, frame: LiveFrame) -> None:
        super().__init__()
        self._frame = frame

    def __missing__(self, audience: Audience) -> bytes | None:
        frame = self._frame
        # A clear moves its reader too: to another epoch.
        moves = frame.is_log or frame.type == "system"
        place = Place(frame.epoch, frame.seq, frame.id) if moves else None
        rendered = self[audience] = audience.render(frame.type, frame.body, place=place)
        return rendered


class Arrival:
    """Judges and renders a frame once for all connections that stand at one place.

    Whoever stands at `before` is sent it and stands at `after` then.
    """

    __slots__ = ("after", "before", "delta", "frame", "renderings")

    def __init__(self, frame: LiveFrame) -> None:
        """Raises `msgspec.DecodeError` for a delta that cannot be read."""
        self.frame = frame
        self.renderings = Renderings(frame)
        self.delta = _delta_decoder.decode(frame.body) if frame.type == "delta" else None
        self.before: Standing = _NOBODY
        self.after: Standing = _NOBODY

    def judged_from(self, standing: Standing) -> Judgement:
        """What the frame is there to a connection that did not send it."""
        if standing == self.before:
            # From now on they share one value, and are known by it.
            return Verdict.SEND, self.after
        verdict, after = judge(standing, self.frame, self.delta)
        if verdict is Verdict.SEND:
            self.before, self.after = standing, after
        return verdict, after
