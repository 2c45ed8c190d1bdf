#!/bin/sh
# Checks and builds the tag: tag/build.sh [folder], by default static/. The same sources give the same bytes.
set -eu
cd "$(dirname "$0")"
target=${1:-../static}
[ -d node_modules ] || npm ci --no-audit --no-fund
./node_modules/.bin/tsc -p .
node build.mjs "$target"
