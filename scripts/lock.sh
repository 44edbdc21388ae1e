#!/bin/sh
# Pin requirements/*.in with hashes, for every platform, without naming an index.
set -eu
cd "$(dirname "$0")/../requirements"
for name in run dev bench; do
    ../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command 'make lock' "$@" "$name.in" -o "$name.txt"
done
