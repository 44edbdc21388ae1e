"""`python -m parley_presence`"""

from __future__ import annotations

import sys

from parley_core.launching import launch
from parley_presence.app import run
from parley_presence.settings import PresenceSettings

if __name__ == "__main__":
    sys.exit(launch("presence", PresenceSettings, run))
