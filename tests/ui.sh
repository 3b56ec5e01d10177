#!/usr/bin/env bash
# Types and unit tests of the web UI. Without Node.js they are skipped, and named; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
    what="web UI (ui): no npm: install Node.js 20"
    echo "SKIPPED: $what"
    [ "${CI:-}" != true ] || { echo "CI=true: a skip is a failure" >&2; exit 1; }
    mkdir -p "${CARGO_TARGET_DIR:-target}/tmp"
    echo "$what" >>"${CARGO_TARGET_DIR:-target}/tmp/skipped"
    exit 0
fi
cd ui
[ node_modules -nt package-lock.json ] || npm ci --silent
npm test --silent
