#!/usr/bin/env bash
# Runs the tests as on a machine without /proc and /sys, which is what a macOS laptop is to them. Needs root on Linux.
#   scripts/hidden.sh [FILTER…]
# Left out is what needs the compiler or the type-aware linter: on Linux their binaries do not start without /proc.
set -euo pipefail
cd "$(dirname "$0")/.."
# Without /proc Node cannot find its own binary, unless it was started by its full path.
exec unshare --mount sh -c 'mount -t tmpfs none /sys && mount -t tmpfs none /proc && exec "$@"' \
  hidden "$PWD/node_modules/node/bin/node" "$PWD/node_modules/vitest/vitest.mjs" run \
  --exclude test/pack.test.ts --exclude test/tidy.test.ts --exclude test/types.test.ts "$@"
