#!/bin/sh
# Makes promtool available for the conformance tests and prints its path; installs nothing into the system:
#   1. PROMTOOL_BIN, promtool on PATH, or .cache/promtool/promtool: nothing to do
#   2. apt: download Debian's prometheus package and unpack the one static program under .cache/promtool
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/promtool
none() { echo "promtool: not available ($1); install Debian's prometheus package, or set PROMTOOL_BIN to the program" >&2; exit 1; }

for b in "${PROMTOOL_BIN:-}" "$(command -v promtool || true)" "$dir/promtool"; do
  if [ -n "$b" ] && "$b" --version >/dev/null 2>&1; then echo "$b"; exit 0; fi
done
command -v apt-get >/dev/null || none 'no apt-get here'
command -v dpkg-deb >/dev/null || none 'no dpkg-deb here'
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
if ! (cd "$tmp" && apt-get -o APT::Sandbox::User= -qq download prometheus >/dev/null 2>&1); then
  mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" # no package lists here: fetch our own
  o="-o Dir::State::lists=$tmp/lists -o Dir::Cache=$tmp/cache -o APT::Sandbox::User= -o Debug::NoLocking=1 -qq"
  # shellcheck disable=SC2086
  apt-get $o update >/dev/null 2>&1 || none 'apt-get update failed'
  # shellcheck disable=SC2086
  (cd "$tmp" && apt-get $o download prometheus >/dev/null 2>&1) || none 'apt-get download failed'
fi
dpkg-deb --fsys-tarfile "$tmp"/prometheus_*.deb | tar -x -C "$tmp" ./usr/bin/promtool
mkdir -p "$dir"
mv "$tmp/usr/bin/promtool" "$dir/promtool.$$" && mv "$dir/promtool.$$" "$dir/promtool" # whole or not at all
"$dir/promtool" --version >/dev/null 2>&1 || none 'the downloaded program does not start'
echo "$dir/promtool"
