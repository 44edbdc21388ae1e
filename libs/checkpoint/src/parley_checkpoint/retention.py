"""How long checkpoints are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """What a put lets go of; `lua/lib/prune.lua` has the rule. By default everything stays.

    The newest checkpoint with its writes, and the one that the current turn began with, stay as
    long as the thread. A turn is the checkpoints of one `metadata.run_id`; where there is none, it
    begins with each input.
    """

    session_ttl: timedelta | None = None
    """How long a thread lives after its last put or writes."""
    ttl_minutes: float | None = None
    """How long an older checkpoint lives after its put or its last read."""
    max_checkpoints: int | None = None
    """How many a thread may have, those of its subgraphs included. The put that would exceed it
    makes room for a fifth of them, so that the next ones need not."""
    interval: int | None = None
    """Of earlier turns only every so-maniest is kept for looking back, by its last checkpoint."""

    def __post_init__(self) -> None:
        limits = {
            "session_ttl": self.life_ms if self.session_ttl is not None else None,
            "ttl_minutes": self.age_ms if self.ttl_minutes is not None else None,
            "max_checkpoints": self.max_checkpoints,
            "interval": self.interval,
        }
        for name, value in limits.items():
            if value is not None and value < 1:
                raise ValueError(f"{name} must be above 0, or None for no limit; it is {value}")

    @property
    def life_ms(self) -> int:
        """Life of the thread, 0 for ever."""
        return 0 if self.session_ttl is None else self.session_ttl // timedelta(milliseconds=1)

    @property
    def age_ms(self) -> int:
        """Life of an older checkpoint, 0 for ever."""
        return 0 if self.ttl_minutes is None else int(self.ttl_minutes * 60_000)
