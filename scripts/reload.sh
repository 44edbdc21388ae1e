#!/bin/sh
# Run a service and start it anew when its files change: reload.sh MODULE (the images' target `dev`)
#
# The code runs from /tmp/app: /tmp is what a container can write under a read-only root, so files
# can be synced there without opening the root for development.
set -eu
module=$1
code=/tmp/app

# A container that is restarted in its pod keeps what was synced.
[ -d "$code" ] || cp -R /app "$code"
export PYTHONPATH="$code${PYTHONPATH:+:$PYTHONPATH}"

# SIGINT ends a service as SIGTERM does: with a drain, which takes DRAIN_TIMEOUT at most.
exec watchfiles --sigint-timeout "${DRAIN_TIMEOUT:-30}" --sigkill-timeout 5 "python -m $module" "$code"
