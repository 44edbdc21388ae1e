#!/bin/sh
# Build the services' images from this tree: images.sh [--target STAGE] TAG [SERVICE...]
set -eu
cd "$(dirname "$0")/.."
. scripts/tools.sh

target=runtime
if [ "${1-}" = --target ]; then
    target=$2
    shift 2
fi
tag=$1
shift

need docker
# Without buildx the docker command refuses to build, unless it is told to take the classic builder.
docker buildx version > /dev/null 2>&1 || export DOCKER_BUILDKIT=0

revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
[ "$#" -gt 0 ] || set -- edge conversation presence operator
for service in "$@"; do
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "services/$service/pyproject.toml")
    docker build --target "$target" --file "services/$service/Dockerfile" --tag "parley-$service:$tag" \
        --build-arg "VERSION=$version" --build-arg "REVISION=$revision" .
done
