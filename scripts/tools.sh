# Where kind, kubectl and helm are: on PATH, or built for machines without a registry. To be sourced.
# shellcheck shell=sh
PATH=$PATH:${PARLEY_CLUSTER_CACHE:-$HOME/.cache/parley-cluster}/bin

say_no() {
    echo "$1" >&2
    exit 1
}

# Brings an image that is not built here, where it is not on this machine yet.
fetch() {
    docker image inspect "$1" > /dev/null 2>&1 || docker pull "$1" >&2
}

# Says in one sentence what is missing.
need() {
    for tool in "$@"; do
        command -v "$tool" > /dev/null ||
            say_no "There is no $tool: install it, or make it with ../shared/cluster/build where that is."
    done
    timeout 20 docker version > /dev/null 2>&1 || say_no "No docker engine answers: start one."
}
