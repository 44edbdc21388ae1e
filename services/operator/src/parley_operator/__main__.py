"""`python -m parley_operator`"""

from __future__ import annotations

import sys

from parley_core.launching import launch
from parley_operator.app import run
from parley_operator.settings import OperatorSettings

if __name__ == "__main__":
    sys.exit(launch("operator", OperatorSettings, run))
