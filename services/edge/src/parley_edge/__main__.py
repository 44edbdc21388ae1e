"""`python -m parley_edge`"""

from __future__ import annotations

import sys

import uvloop

from parley_core.launching import launch
from parley_edge.app import run
from parley_edge.settings import EdgeSettings

if __name__ == "__main__":
    sys.exit(launch("edge", EdgeSettings, run, runner=uvloop.run))
