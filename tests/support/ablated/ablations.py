"""The safeguards that can be switched off, one function each.

Each replaces exactly the text or the method that is the safeguard, and fails loudly where it finds
it no more: an ablation that changes nothing would prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

from parley_core.domain.live import LiveFrame

_LEASE_CHECK = re.compile(r"redis\.call\('HGET', KEYS\[\d+\], ARGV\[1\]\) ~= ARGV\[2\]")


def message_ids() -> None:
    """`append` forgets which message ids it has seen."""
    _replace("append", "redis.call('ZSCORE', KEYS[3], id)", "false")


def atomic_commit() -> None:
    """The input leaves the mailbox when it is read, not when its answer is committed."""
    _replace("inbox", "redis.call('LINDEX', KEYS[2], 0)", "redis.call('LPOP', KEYS[2])")
    head_check = "return head and string.sub(head, 1, #turn + 1) == turn .. '\\n'"
    _replace("lib/finish", head_check, "return true")
    _replace("lib/finish", "redis.call('LPOP', KEYS[4])", "do end")


def fence() -> None:
    """Whoever writes is believed to be the one who may, in the store and in the checkpointer."""
    from parley_checkpoint import scripts as checkpoint_scripts  # noqa: PLC0415

    for name in ("commit", "close", "renew", "inbox", "say"):
        _replace(name, _LEASE_CHECK, "false")
    _replace("delta", _LEASE_CHECK, "false")
    _replace("delta", "meta[4] ~= ARGV[3] or meta[5] ~= ARGV[4]", "false")
    _replace("delta", "if offset > expected then", "if false then")
    _replace("delta", "if offset == expected then", "do")
    _replace("begin", "if current ~= token then", "if false then")
    _replace("release", "if current ~= token then", "if false then")
    _replace(
        "lib/fence", re.compile(r"return [^\n]+ ~= ARGV\[2\]"), "return false", checkpoint_scripts
    )


def position_proof() -> None:
    """A position is believed if its epoch and seq could be right."""
    _replace("lib/attachment", "return at.id == top_id", "return true")
    _replace(
        "lib/attachment", "return entry ~= nil and entry[2][4] == at.id", "return entry ~= nil"
    )


def buffered_attach() -> None:
    """What came live while the log was read goes out after it, whether or not the log had it."""
    from parley_edge.domain import standing as rule  # noqa: PLC0415
    from parley_edge.domain.standing import Judgement, Standing, Verdict  # noqa: PLC0415

    merged = rule._judge_log

    def judge_log(standing: Standing, frame: LiveFrame) -> Judgement:
        verdict, after = merged(standing, frame)
        return (Verdict.SEND if verdict is Verdict.DROP else verdict), after

    rule._judge_log = judge_log


def kept_writes() -> None:
    """What a node wrote is kept with the step's checkpoint only, not as soon as it has ended."""
    from parley_checkpoint import AsyncRedisCheckpointer  # noqa: PLC0415

    async def aput_writes(*_given: object) -> None:
        """Keep nothing."""

    AsyncRedisCheckpointer.aput_writes = aput_writes  # type: ignore[method-assign, assignment]  # this is the ablation


def pace() -> None:
    """Whoever moves asks all at once, each to go within a moment."""
    from parley_edge.domain.drain import Batch  # noqa: PLC0415
    from parley_edge.moving import mover  # noqa: PLC0415

    def everybody(left: int, *, rate: float) -> Batch:
        return Batch(left, 0.2)

    mover.next_batch = everybody  # type: ignore[attr-defined]  # this is the ablation


def _replace(
    name: str, safeguard: str | re.Pattern[str], instead: str, scripts: ModuleType | None = None
) -> None:
    from parley_core.redis import scripts as core_scripts  # noqa: PLC0415

    module = scripts or core_scripts
    read: Callable[[str], str] = module._read
    pattern = re.compile(re.escape(safeguard)) if isinstance(safeguard, str) else safeguard

    def ablated(of: str) -> str:
        source = read(of)
        if of != name:
            return source
        source, count = pattern.subn(lambda _: instead, source)
        if count != 1:
            raise LookupError(f"{name}.lua has its safeguard {count} times: {pattern.pattern}")
        return source

    module._read = ablated  # type: ignore[attr-defined]  # this is the ablation


ABLATIONS: dict[str, Callable[[], None]] = {
    "message-ids": message_ids,
    "atomic-commit": atomic_commit,
    "fence": fence,
    "position-proof": position_proof,
    "buffered-attach": buffered_attach,
    "kept-writes": kept_writes,
    "pace": pace,
}


def ablate(name: str) -> None:
    """Raises KeyError for a safeguard that there is not."""
    ABLATIONS[name]()
