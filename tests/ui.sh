#!/usr/bin/env bash
# Types, unit tests and pages of the web UI, these in Chromium. What is missing is named; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIPPED: $*"
    [ "${CI:-}" != true ] || { echo "CI=true: a skip is a failure" >&2; exit 1; }
    mkdir -p "${CARGO_TARGET_DIR:-target}/tmp"
    echo "$*" >>"${CARGO_TARGET_DIR:-target}/tmp/skipped"
    exit 0
}

command -v npm >/dev/null || skip "web UI (ui): no npm: install Node.js 20"
(cd ui && { [ node_modules -nt package-lock.json ] || npm ci --silent; } && npm test --silent)
[ -x "${CHROMIUM:=/usr/bin/chromium}" ] || skip "pages (ui/e2e): no $CHROMIUM: install Chromium, or set CHROMIUM"
CHROMIUM=$CHROMIUM tests/pages.sh e2e
