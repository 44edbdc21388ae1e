#!/bin/sh
# The tests that need a cluster or images: e2e.sh MARKS (pytest's -m). On the kind cluster `parley`,
# which is made if it is not there and stays, or on the cluster that E2E_CONTEXT names, to which the
# images have been brought under TAG: never on the current context by itself.
set -eu
cd "$(dirname "$0")/.."
. scripts/tools.sh

marks=$1
TAG=${TAG:-dev}
export TAG

if [ -z "${E2E_CONTEXT-}" ]; then
    E2E_CONTEXT=kind-parley
    export E2E_CONTEXT
    # The kit makes base images where no registry has them.
    [ ! -x ../shared/cluster/images ] || ../shared/cluster/images
    sh scripts/cluster.sh up
    fetch redis:8.0
fi
sh scripts/images.sh "$TAG"
exec .venv/bin/pytest -m "$marks"
