#!/bin/sh
# The kind cluster `parley`: cluster.sh up|down. Its context is kind-parley.
set -eu
cd "$(dirname "$0")/.."
. scripts/tools.sh

kit=../shared/cluster
name=parley
case ${1-} in
    up)
        # An image of one's own choice has to come from somewhere: the kit brings its own.
        if [ -x "$kit/up" ] && [ -z "${KIND_NODE_IMAGE-}" ]; then
            exec "$kit/up" "$name"
        fi
        need docker kind kubectl
        if kind get clusters 2> /dev/null | grep -qx "$name"; then
            kubectl --context "kind-$name" --request-timeout 10s get nodes > /dev/null ||
                say_no "The cluster $name is there and does not answer: make cluster-down removes it."
            exit 0
        fi
        exec kind create cluster --name "$name" --config k8s/kind.yaml --wait 180s \
            ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"}
        ;;
    down)
        need docker kind
        exec kind delete cluster --name "$name"
        ;;
    *) say_no "cluster.sh up, or cluster.sh down" ;;
esac
