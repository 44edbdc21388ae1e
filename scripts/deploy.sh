#!/bin/sh
# Install this tree on the kind cluster `parley`, or upgrade what is there: deploy.sh TAG
set -eu
cd "$(dirname "$0")/.."
. scripts/tools.sh

tag=$1
cluster=parley
# Never the current context: who has another cluster at hand does not mean it.
context=kind-$cluster
need docker kind kubectl helm
kubectl --context "$context" --request-timeout 10s get nodes > /dev/null 2>&1 ||
    say_no "The cluster $cluster does not answer: make cluster-up makes it."

sh scripts/images.sh "$tag"
# One by one: archives of several images share nothing on the nodes, and the classic engine's are large.
for image in parley-edge parley-conversation parley-presence parley-operator; do
    kind load docker-image "$image:$tag" --name "$cluster"
done
fetch redis:8.0
kind load docker-image redis:8.0 --name "$cluster"
helm upgrade --install parley charts/parley --kube-context "$context" \
    --namespace parley --create-namespace --values k8s/values-dev.yaml --set-string "image.tag=$tag" \
    --wait --timeout 5m
