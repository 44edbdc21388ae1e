#!/bin/sh
# Pin requirements/*.in with hashes, for every platform, without naming an index. Our own packages
# say what the images need; they themselves are copied from this tree.
set -eu
cd "$(dirname "$0")/../requirements"
for name in run dev bench edge conversation presence operator reload; do
    ../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links \
        --no-emit-package parley-core --no-emit-package parley-checkpoint \
        --no-emit-package parley-edge --no-emit-package parley-conversation \
        --no-emit-package parley-presence --no-emit-package parley-operator \
        --custom-compile-command 'make lock' "$@" "$name.in" -o "$name.txt"
done
