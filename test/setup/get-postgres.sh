#!/bin/sh
# Makes PostgreSQL's server programs available for the tests and prints the folder they are in; starts nothing:
#   1. POSTGRES_BIN_DIR, /usr/lib/postgresql/*/bin, PATH, or .cache/postgres: nothing to do
#   2. root and apt: install Debian's server package, without the cluster and the service that come with it
#   3. apt without root: download the same packages and unpack them under .cache/postgres
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/postgres
none() { echo "postgres: not available ($1); install postgresql, or set POSTGRES_BIN_DIR to the folder of initdb and postgres" >&2; exit 1; }
works() { [ -x "$1/initdb" ] && "$1/postgres" --version >/dev/null 2>&1; }
newest() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n -r; }

on_path=$(command -v postgres 2>/dev/null || true)
for b in "${POSTGRES_BIN_DIR:-}" $([ -n "${GET_POSTGRES_PRIVATE:-}" ] || newest) ${on_path:+"$(dirname "$on_path")"} "$dir/bin"; do
  if [ -n "$b" ] && works "$b"; then echo "$b"; exit 0; fi
done
command -v apt-get >/dev/null || none 'no apt-get here'
if [ "$(id -u)" = 0 ] && [ -z "${GET_POSTGRES_PRIVATE:-}" ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null 2>&1 || none 'apt-get update failed'
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold postgresql >/dev/null 2>&1 || none 'apt-get install failed'
  for b in $(newest); do
    if works "$b"; then echo "$b"; exit 0; fi
  done
  none 'the installed server does not start'
fi
command -v dpkg-deb >/dev/null || none 'no dpkg-deb here'
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
o="-o Dir::State::lists=$tmp/lists -o Dir::Cache=$tmp/cache -o APT::Sandbox::User= -o Debug::NoLocking=1 -qq"
# shellcheck disable=SC2086
apt-get $o update >/dev/null 2>&1 || none 'apt-get update failed'
# shellcheck disable=SC2086
server=$(apt-cache $o depends postgresql | sed -n 's/^ *Depends: \(postgresql-[0-9]*\)$/\1/p' | head -n 1)
[ -n "$server" ] || none 'apt knows no server package'
# The libraries that the server is linked with, and theirs; llvm serves only to compile queries, which the tests do not need.
# shellcheck disable=SC2086
libraries=$(apt-cache $o depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$server" |
  grep -E '^lib' | grep -vE '^(libc6|libgcc-s1|libcrypt1|libllvm|libstdc\+\+6|libdebconf|libperl|libz3|libjson-perl)' | grep -v -- '-perl' | sort -u)
# shellcheck disable=SC2086
(cd "$tmp" && apt-get $o download $server $libraries >/dev/null 2>&1) || none 'apt-get download failed'
mkdir -p "$dir"
for d in "$tmp"/*.deb; do dpkg-deb -x "$d" "$dir/root"; done
programs=$(ls -d "$dir"/root/usr/lib/postgresql/*/bin)
library=$dir/root/usr/lib/$(uname -m)-linux-gnu:$dir/root/lib/$(uname -m)-linux-gnu
mkdir -p "$dir/bin"
for n in initdb postgres; do
  # a wrapper; exec by the real path, from which the programs find their share folder and each other
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$library" "$programs/$n" > "$dir/bin/$n"
  chmod +x "$dir/bin/$n"
done
works "$dir/bin" || none 'the unpacked server does not start'
echo "$dir/bin"
