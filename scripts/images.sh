#!/bin/sh
# Build the services' images from this tree: images.sh [--target STAGE] TAG [SERVICE...]
set -eu
cd "$(dirname "$0")/.."
target=runtime
if [ "${1-}" = --target ]; then
    target=$2
    shift 2
fi
tag=$1
shift

command -v docker > /dev/null || { echo "There is no docker: the images are built with it." >&2; exit 1; }
timeout 20 docker version > /dev/null || { echo "No docker engine answers: start one." >&2; exit 1; }
# Without buildx the docker command refuses to build, unless it is told to take the classic builder.
docker buildx version > /dev/null 2>&1 || export DOCKER_BUILDKIT=0

revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
[ "$#" -gt 0 ] || set -- edge conversation presence operator
for service in "$@"; do
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "services/$service/pyproject.toml")
    docker build --target "$target" --file "services/$service/Dockerfile" --tag "parley-$service:$tag" \
        --build-arg "VERSION=$version" --build-arg "REVISION=$revision" .
done
