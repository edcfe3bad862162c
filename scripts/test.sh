#!/bin/sh
# npm test: all that must hold. With arguments, only vitest, which gets them: npm test -- src/vpn, npm test -- --project unit.
set -eu
cd "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

if [ $# -gt 0 ]; then
  sh scripts/bootstrap.sh --optional dataplane proof postgresql clocks
  exec vitest run "$@"
fi
sh scripts/bootstrap.sh dataplane proof postgresql clocks
biome check --error-on-warnings
tsc
exec vitest run
