"""Switches one safeguard of a service off, for the runs that prove that the checker sees it.

Python imports this module at its start when its folder is on PYTHONPATH; `PARLEY_ABLATION` names
the safeguard. The product itself has no such switch.
"""

from __future__ import annotations

import os

if name := os.environ.get("PARLEY_ABLATION"):
    from importlib import import_module

    # Beside this file, and on the path only where this file is.
    import_module("ablations").ablate(name)
