#!/bin/sh
# Makes RabbitMQ's server programs available for the tests and prints the folder they are in; starts nothing:
#   1. RABBITMQ_BIN_DIR, /usr/lib/rabbitmq/lib/*/sbin, or .cache/rabbitmq/bin: nothing to do
#   2. root and apt: install Debian's server package, without the service that comes with it
#   3. apt without root, or where installing fails: download the same packages and unpack them under .cache/rabbitmq
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/rabbitmq
none() { echo "rabbitmq: not available ($1); install rabbitmq-server, or set RABBITMQ_BIN_DIR to the folder of rabbitmq-server and rabbitmqctl" >&2; exit 1; }
# The programs are scripts for Erlang, which is beside them or in PATH; epmd, Erlang's own name server, comes with it.
works() {
  [ -x "$1/rabbitmq-server" ] && [ -x "$1/rabbitmqctl" ] && PATH="$1:$PATH" command -v epmd >/dev/null &&
    PATH="$1:$PATH" HOME="${TMPDIR:-/tmp}" erl -noinput -boot start_clean -eval '{ok, _} = application:ensure_all_started(ssl), halt(0).' >/dev/null 2>&1
}
newest() { ls -d /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin 2>/dev/null | sort -V -r; }
installed() {
  for b in $(newest); do
    if works "$b"; then echo "$b"; return 0; fi
  done
  return 1
}
install() {
  export DEBIAN_FRONTEND=noninteractive
  policy=/usr/sbin/policy-rc.d # keeps the service from starting
  written=
  if [ ! -e "$policy" ]; then written=$policy; printf '#!/bin/sh\nexit 101\n' > "$policy"; chmod +x "$policy"; fi
  apt-get update -qq >/dev/null 2>&1 &&
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold rabbitmq-server >/dev/null 2>&1 && ok=0 || ok=1
  if [ -n "$written" ]; then rm -f "$written"; fi
  return $ok
}

for b in "${RABBITMQ_BIN_DIR:-}" $([ -n "${GET_RABBITMQ_PRIVATE:-}" ] || newest) "$dir/bin"; do
  if [ -n "$b" ] && works "$b"; then echo "$b"; exit 0; fi
done
command -v apt-get >/dev/null || none 'no apt-get here'
if [ "$(id -u)" = 0 ] && [ -z "${GET_RABBITMQ_PRIVATE:-}" ]; then
  if install && installed; then exit 0; fi
fi
command -v dpkg-deb >/dev/null || none 'no dpkg-deb here'
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
o="-o Dir::State::lists=$tmp/lists -o Dir::Cache=$tmp/cache -o APT::Sandbox::User= -o Debug::NoLocking=1 -qq"
# shellcheck disable=SC2086
apt-get $o update >/dev/null 2>&1 || none 'apt-get update failed'
# Erlang's parts that the server depends on, and the libraries that Erlang is linked with.
# shellcheck disable=SC2086
parts=$(apt-cache $o depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances rabbitmq-server 2>/dev/null |
  grep -E '^(erlang-|lib(ssl3|tinfo6|systemd0|cap2|gcrypt20|gpg-error0|lz4|lzma5|zstd1|sctp1|stdc))' | sort -u)
[ -n "$parts" ] || none 'apt knows no rabbitmq-server'
# shellcheck disable=SC2086
(cd "$tmp" && apt-get $o download rabbitmq-server $parts >/dev/null 2>&1) || none 'apt-get download failed'
rm -rf "$dir"; mkdir -p "$dir/bin"
for d in "$tmp"/*.deb; do dpkg-deb -x "$d" "$dir/root"; done
erlang=$dir/root/usr/lib/erlang
library=$dir/root/usr/lib/$(uname -m)-linux-gnu:$dir/root/lib/$(uname -m)-linux-gnu
sbin=$(ls -d "$dir"/root/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin)
# Erlang's starter knows its folder by heart.
{ echo '#!/bin/sh'; echo "export LD_LIBRARY_PATH=\"$library\""; sed "1d; s#ROOTDIR=/usr/lib/erlang#ROOTDIR=$erlang#" "$erlang/bin/erl"; } > "$dir/bin/erl"
ln -s "$(ls -d "$erlang"/erts-*/bin/epmd)" "$dir/bin/epmd"
for n in rabbitmq-server rabbitmqctl; do printf '#!/bin/sh\nPATH="%s:$PATH" exec "%s" "$@"\n' "$dir/bin" "$sbin/$n" > "$dir/bin/$n"; done
chmod +x "$dir/bin/erl" "$dir/bin/rabbitmq-server" "$dir/bin/rabbitmqctl"
works "$dir/bin" || none 'the unpacked server does not start'
echo "$dir/bin"
