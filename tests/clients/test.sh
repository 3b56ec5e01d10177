#!/usr/bin/env bash
# Runs the real clients (run.py) with the binary that `cargo build` or `cargo test` made, and with what tests/prepare.sh prepared. Without that
# they are skipped, and named; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}

skip() {
    echo "SKIPPED: $*"
    if [ "${CI:-}" = true ]; then
        echo "CI=true: a skip is a failure" >&2
        exit 1
    fi
    mkdir -p "$target/tmp"
    echo "$*" >>"$target/tmp/skipped"
    exit 0
}

[ "$(cat .venv/wanted 2>/dev/null)" = "$(cksum <tests/requirements.txt)" ] || skip "real clients (tests/clients): no .venv: run tests/prepare.sh"
"${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | grep -Eq ' version "(17|21)[."-]' ||
    skip "real clients (tests/clients): no Java 17 or 21 for the real History Server: install one, or set JAVA_HOME"
exec .venv/bin/python tests/clients/run.py "$target/debug/afterglow"
