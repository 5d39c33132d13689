#!/bin/sh
# Makes a redis-server available for the conformance tests, without starting a system service:
#   1. REDIS_SERVER_BIN, redis-server or valkey-server on PATH: nothing to do
#   2. root and apt: install Debian's redis-tools (it holds the server binary under the
#      name redis-check-rdb; the redis-server package only adds a link and a service)
#   3. apt without root: download the same packages and unpack them under .cache/redis
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/redis
none() { echo "redis: not available ($1); install redis-server, or set REDIS_SERVER_BIN to the server program" >&2; exit 1; }

for b in "${REDIS_SERVER_BIN:-}" redis-server valkey-server "$dir/bin/redis-server"; do
  if [ -n "$b" ] && "$b" --version >/dev/null 2>&1; then echo "redis: $("$b" --version)"; exit 0; fi
done
command -v apt-get >/dev/null || none 'no apt-get here'
mkdir -p "$dir/bin"
if [ "$(id -u)" = 0 ] && [ -z "${GET_REDIS_PRIVATE:-}" ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null 2>&1 || none 'apt-get update failed'
  apt-get install -y -qq --no-install-recommends redis-tools >/dev/null 2>&1 || none 'apt-get install failed'
  ln -sf /usr/bin/redis-check-rdb "$dir/bin/redis-server"
  ln -sf /usr/bin/redis-check-rdb "$dir/bin/redis-sentinel"
else
  tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
  mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
  o="-o Dir::State::lists=$tmp/lists -o Dir::Cache=$tmp/cache -o APT::Sandbox::User= -o Debug::NoLocking=1 -qq"
  # shellcheck disable=SC2086
  apt-get $o update >/dev/null 2>&1 || none 'apt-get update failed'
  # shellcheck disable=SC2086
  (cd "$tmp" && apt-get $o download redis-tools libjemalloc2 liblzf1 libatomic1 libsystemd0 libssl3 >/dev/null 2>&1) ||
    none 'apt-get download failed'
  for d in "$tmp"/*.deb; do dpkg-deb -x "$d" "$dir/root"; done
  lib=$dir/root/usr/lib/$(uname -m)-linux-gnu:$dir/root/lib/$(uname -m)-linux-gnu
  for n in redis-server redis-sentinel; do
    ln -sf redis-check-rdb "$dir/root/usr/bin/$n" # the binary chooses its role by its name
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$lib" "$dir/root/usr/bin/$n" > "$dir/bin/$n"
    chmod +x "$dir/bin/$n"
  done
fi
"$dir/bin/redis-server" --version >/dev/null 2>&1 || none 'the installed server does not start'
echo "redis: $("$dir/bin/redis-server" --version)"
