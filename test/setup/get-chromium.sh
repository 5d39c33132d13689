#!/bin/sh
# Makes a headless Chromium available for the browser tests and prints its path; installs nothing into the system:
#   1. CHROMIUM_BIN, or .cache/chromium/chromium: nothing to do
#   2. npm: the package @sparticuz/chromium holds a compressed headless Chromium for Linux on x64 and the libraries that a
#      bare machine lacks; it is unpacked under .cache/chromium
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/chromium
version=153.0.0
none() { echo "chromium: not available ($1); set CHROMIUM_BIN to a Chromium or Chrome" >&2; exit 1; }

for b in "${CHROMIUM_BIN:-}" "$dir/chromium"; do
  if [ -n "$b" ] && "$b" --version >/dev/null 2>&1; then echo "$b"; exit 0; fi
done
[ "$(node -p '`${process.platform}-${process.arch}`')" = linux-x64 ] || none 'the package is for Linux on x64'
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/new.XXXXXX"); trap 'rm -rf "$tmp"' EXIT
# Only its files are wanted: what its own code needs of Node.js does not matter, though npm may have been told to be strict.
npm install --prefix "$tmp" --no-save --ignore-scripts --no-audit --no-fund --engine-strict=false --loglevel=error \
  "@sparticuz/chromium@$version" >"$tmp/npm.log" 2>&1 || { cat "$tmp/npm.log" >&2; none 'npm cannot get @sparticuz/chromium'; }
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const { brotliDecompressSync } = require("node:zlib");
  const [from, to] = process.argv.slice(1);
  const unpack = (name, file, mode) => writeFileSync(file, brotliDecompressSync(readFileSync(`${from}/${name}`)), { mode });
  unpack("chromium.br", `${to}/program`, 0o755);
  unpack("al2023.tar.br", `${to}/lib.tar`, 0o644);
' "$tmp/node_modules/@sparticuz/chromium/bin" "$tmp"
tar -xf "$tmp/lib.tar" -C "$dir" # lib/
mv "$tmp/program" "$dir/program"
printf '#!/bin/sh\nLD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}%s" exec "%s" "$@"\n' "$dir/lib" "$dir/program" > "$tmp/chromium"
chmod +x "$tmp/chromium"
mv "$tmp/chromium" "$dir/chromium" # last: whole or not at all
"$dir/chromium" --version >/dev/null 2>&1 || none 'the downloaded program does not start'
echo "$dir/chromium"
