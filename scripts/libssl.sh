#!/bin/sh
# Unpack libssl 1.1 into a folder: libssl.sh FOLDER. Redis Stack's program needs it, and Debian had
# it last in bullseye. Nothing is installed, and the system's own sources of packages stay as they
# are. Says in one sentence why where it cannot be had.
set -eu
folder=$1

say_no() {
    echo "libssl 1.1 cannot be had: $1" >&2
    exit 1
}

[ ! -e "$folder/libssl.so.1.1" ] || exit 0
command -v apt-get > /dev/null && command -v dpkg > /dev/null || say_no "this is no Debian."
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian$' | head -n 1)
[ -n "$site" ] || say_no "the system has no source of Debian packages."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site bullseye main" > "$work/sources.list"

apt() {
    (cd "$work" && timeout 120 apt-get --quiet=2 \
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User=root "$@" > /dev/null)
}

apt update || say_no "bullseye's list of packages did not come."
apt download libssl1.1 || say_no "the package did not come."
dpkg -x "$work"/libssl1.1_*.deb "$work/unpacked"
mkdir -p "$folder"
find "$work/unpacked" -name 'lib*.so.1.1' -exec cp {} "$folder/" \;
