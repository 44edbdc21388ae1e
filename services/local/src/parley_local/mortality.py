"""Processes that do not outlive the one that started them, however that one ends."""

from __future__ import annotations

import ctypes
import platform
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def _with_parent() -> Callable[[], None] | None:
    if platform.system() != "Linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def end_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return end_with_parent


end_with_parent = _with_parent()
"""For `preexec_fn`: the kernel sends SIGTERM when the thread that started the process is gone.

None where there is no such thing; then a supervisor that is killed leaves its processes behind.
"""
