#!/bin/sh
# Make a virtual environment, or say in one sentence what is missing for it: venv.sh PYTHON FOLDER
set -eu
python=$1
folder=$2

say_no() {
    echo "$1" >&2
    exit 1
}

command -v "$python" > /dev/null || say_no "There is no $python: install Python 3.11 or newer, or name one with make PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    say_no "$("$python" --version) is too old: Parley needs Python 3.11 or newer; name one with make PYTHON=..."
"$python" -m venv "$folder" ||
    say_no "$python cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv"
