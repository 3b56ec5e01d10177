#!/usr/bin/env bash
# Runs a script of the web UI against the demo of the binary that `cargo build` or `cargo test` made: e2e, screenshots.
set -euo pipefail
cd "$(dirname "$0")/.."

export AFTERGLOW_BINARY=$(realpath "${CARGO_TARGET_DIR:-target}/debug/afterglow")
exec {said}< <(exec "$AFTERGLOW_BINARY" demo --listen 127.0.0.1:0 2>&1)
server=$!
trap 'kill $server' EXIT
while read -r -t 60 line <&"$said"; do
    case $line in *"serving on "*) address=${line##*serving on } && break ;; esac
done
[ -n "${address:-}" ] || { echo "the demo did not say where it serves" >&2; exit 1; }
# What it says later must not fill the pipe.
cat <&"$said" >/dev/null &

cd ui
AFTERGLOW=$address npm run --silent "$1"
