#!/usr/bin/env bash
# Asks every query of the dashboards as Grafana would (run.py), with the binary that `cargo build` or `cargo test` made and with what
# tests/prepare.sh prepared, and checks their JSON against Grafana's types (schema/). What is missing is named; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}

skip() {
    echo "SKIPPED: $*"
    [ "${CI:-}" != true ] || { echo "CI=true: a skip is a failure" >&2; exit 1; }
    mkdir -p "$target/tmp"
    echo "$*" >>"$target/tmp/skipped"
}

if [ "$(cat .venv/wanted 2>/dev/null)" = "$(cksum <tests/requirements.txt)" ]; then
    said=tests/.work/grafana-skipped
    rm -f $said
    .venv/bin/python tests/grafana/run.py "$target/debug/afterglow" --skipped $said
    [ ! -f $said ] || while read -r what; do skip "$what"; done <$said
else
    skip "queries of the dashboards (tests/grafana): no .venv: run tests/prepare.sh"
fi

if command -v npm >/dev/null; then
    cd tests/grafana/schema
    { [ node_modules -nt package-lock.json ] || npm ci --silent; } && npm run --silent check
else
    skip "types of the dashboards (tests/grafana/schema): no npm: install Node.js 20"
fi
