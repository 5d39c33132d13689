#!/bin/sh
# Makes promtool, or with the argument `prometheus` the server, available for tests and prints its path; needs no root, and
# installs nothing into the system:
#   1. PROMTOOL_BIN or PROMETHEUS_BIN, the program on PATH, or .cache/promtool/<program>: nothing to do
#   2. apt: download Debian's prometheus package and unpack its two static programs under .cache/promtool
set -eu
program=${1:-promtool}
case $program in promtool) given=${PROMTOOL_BIN:-} ;; prometheus) given=${PROMETHEUS_BIN:-} ;; *) echo "usage: $0 [promtool|prometheus]" >&2; exit 2 ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/promtool
none() { echo "$program: not available ($1); install Debian's prometheus package, or set PROMTOOL_BIN and PROMETHEUS_BIN to its programs" >&2; exit 1; }

for b in "$given" "$(command -v "$program" || true)" "$dir/$program"; do
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
dpkg-deb --fsys-tarfile "$tmp"/prometheus_*.deb | tar -x -C "$tmp" ./usr/bin/promtool ./usr/bin/prometheus
mkdir -p "$dir"
for b in promtool prometheus; do mv "$tmp/usr/bin/$b" "$dir/$b.$$" && mv "$dir/$b.$$" "$dir/$b"; done # whole or not at all
"$dir/$program" --version >/dev/null 2>&1 || none 'the downloaded program does not start'
echo "$dir/$program"
