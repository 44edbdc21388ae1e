"""Events of a session as lines on a terminal."""

from __future__ import annotations

from msgspec import UNSET
from rich.console import Console
from rich.markup import escape

import parley
from parley.cli.typewriter import Typewriter
from parley.domain.events import Received, State, Status
from parley_core.domain import server_frames as wire


class Screen:
    """Prints on `console`; `own_device`: whose texts the user typed and need not be shown."""

    def __init__(self, console: Console, *, own_device: str) -> None:
        self._console = console
        self._own_device = own_device
        self._typewriter = Typewriter()
        self._was_live = False

    def say(self, text: str, *, style: str = "") -> None:
        """A line that is not the agent's, never in the middle of an answer's line."""
        if self._typewriter.is_writing:
            self._console.print()
        self._console.print(escape(text), style=style or None)

    def status(self, status: Status) -> None:
        """Says when the connection is lost and when it is back."""
        if status.state is State.WAITING:
            self.say(f"[{status.reason}; trying again in {status.delay:.1f} s]", style="yellow")
        elif status.state is State.LIVE and self._was_live:
            self.say("[connected again]", style="green")
        self._was_live = self._was_live or status.state is State.LIVE

    def show(self, event: parley.Event) -> None:
        """What just happened."""
        match event:
            case wire.Delta():
                self._type(self._typewriter.piece(event.turn_id, event.offset, event.text))
            case wire.Text(role="assistant"):
                turn = "" if event.turn_id is UNSET else event.turn_id
                self._type(self._typewriter.commit(turn, event.content))
            case parley.Snapshot():
                self._snapshot(event)
            case wire.Error(seq=int()):
                self.say(event.message, style="red")
            case wire.Error():
                self.say(f"{event.code}: {event.message}", style="red")
            case _:
                self.recall(event)

    def recall(self, frame: Received) -> None:
        """A frame as it looks in a history."""
        match frame:
            case wire.Text(role="assistant"):
                self.say(f"agent: {frame.content}")
            case wire.Text():
                self.say(f"{frame.device_id or frame.user_id}: {frame.content}", style="cyan")
            case wire.Error(seq=int()):
                self.say(frame.message, style="red")
            case wire.System(cleared=True):
                self.say("[the conversation was cleared]", style="dim")
            case wire.System(topic=str(topic)):
                self.say(f"[topic: {topic}]", style="dim")
            case wire.InputRequest():
                for interrupt in frame.interrupts:
                    self.say(f"agent asks: {interrupt.value}", style="magenta")

    def _snapshot(self, snapshot: parley.Snapshot) -> None:
        if snapshot.gap:
            self.say("[some messages may be missing here; /history shows them]", style="yellow")
        else:
            self.say(f"[session {snapshot.session_id}]", style="dim")
        for frame in snapshot.frames:
            self.recall(frame)

    def _type(self, text: str) -> None:
        self._console.out(text, end="", highlight=False)
        self._console.file.flush()
