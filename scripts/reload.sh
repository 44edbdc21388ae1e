#!/bin/sh
# Run a service and start it anew when its files change: reload.sh MODULE (the images' target `dev`)
#
# The code runs from /tmp/app: /tmp is what a container can write under a read-only root, so files
# can be synced there without opening the root for development.
set -eu
module=$1
code=/tmp/app

# A container that is restarted in its pod keeps what was synced. The image's byte code would be taken
# for that of changed files too.
if [ ! -d "$code" ]; then
    cp -R /app "$code"
    find "$code" -name __pycache__ -prune -exec rm -r {} +
fi
export PYTHONPATH="$code${PYTHONPATH:+:$PYTHONPATH}"

# SIGINT ends a service as SIGTERM does: with a drain, which is over long before these 60 s.
exec watchfiles --sigint-timeout 60 --sigkill-timeout 5 "python -m $module" "$code"
