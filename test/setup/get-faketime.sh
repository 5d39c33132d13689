#!/bin/sh
# Makes libfaketime available for the tests that step a server's clock and prints the path of the library; installs nothing
# into the system:
#   1. FAKETIME_LIB, Debian's libfaketime, or .cache/faketime: nothing to do
#   2. apt: download Debian's libfaketime package and unpack the one library under .cache/faketime
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/faketime
name=libfaketimeMT.so.1 # the one for programs with threads, which a Redis server is
none() { echo "faketime: not available ($1); install Debian's faketime package, or set FAKETIME_LIB to $name" >&2; exit 1; }
# It works if time stands still under it.
works() { [ -f "$1" ] && [ "$(LD_PRELOAD=$1 FAKETIME='2001-02-03 04:05:06' TZ=UTC date +%s 2>/dev/null)" = 981173106 ]; }

for lib in "${FAKETIME_LIB:-}" "/usr/lib/$(uname -m)-linux-gnu/faketime/$name" "/usr/lib/faketime/$name" "$dir/$name"; do
  if [ -n "$lib" ] && works "$lib"; then echo "$lib"; exit 0; fi
done
command -v apt-get >/dev/null || none 'no apt-get here'
command -v dpkg-deb >/dev/null || none 'no dpkg-deb here'
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
if ! (cd "$tmp" && apt-get -o APT::Sandbox::User= -qq download libfaketime >/dev/null 2>&1); then
  mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" # no package lists here: fetch our own
  o="-o Dir::State::lists=$tmp/lists -o Dir::Cache=$tmp/cache -o APT::Sandbox::User= -o Debug::NoLocking=1 -qq"
  # shellcheck disable=SC2086
  apt-get $o update >/dev/null 2>&1 || none 'apt-get update failed'
  # shellcheck disable=SC2086
  (cd "$tmp" && apt-get $o download libfaketime >/dev/null 2>&1) || none 'apt-get download failed'
fi
dpkg-deb -x "$tmp"/libfaketime_*.deb "$tmp/package"
mkdir -p "$dir"
found=$(find "$tmp/package" -name "$name" | head -n 1)
[ -n "$found" ] || none "no $name in Debian's package"
mv "$found" "$dir/$name.$$" && mv "$dir/$name.$$" "$dir/$name" # whole or not at all
works "$dir/$name" || none 'the downloaded library does not work'
echo "$dir/$name"
