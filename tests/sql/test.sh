#!/usr/bin/env bash
# Asks generated statements (agree.py) with the binary that `cargo build` or `cargo test` made. Without what tests/prepare.sh prepared
# they are skipped, and named; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}

if [ "$(cat .venv/wanted 2>/dev/null)" != "$(cksum <tests/requirements.txt)" ]; then
    echo "SKIPPED: statements beside DuckDB (tests/sql): no .venv: run tests/prepare.sh"
    if [ "${CI:-}" = true ]; then
        echo "CI=true: a skip is a failure" >&2
        exit 1
    fi
    mkdir -p "$target/tmp"
    echo "statements beside DuckDB (tests/sql): no .venv: run tests/prepare.sh" >>"$target/tmp/skipped"
    exit 0
fi
exec .venv/bin/python tests/sql/agree.py "$target/debug/afterglow"
