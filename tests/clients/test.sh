#!/usr/bin/env bash
# Runs the real clients (run.py) with the binary that `cargo build` or `cargo test` made. Prepares what they need: Python packages in
# .venv, and, as root on Debian, Java 17 and python3-venv. What it cannot prepare is named and skipped; with CI=true that is a failure.
#   test.sh             prepare and run
#   test.sh --prepare   prepare only
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIPPED: the real clients (tests/clients): $*"
    if [ "${CI:-}" = true ]; then
        echo "CI=true: a skip is a failure" >&2
        exit 1
    fi
    exit 0
}

debian() { # install packages, if we may
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "$@" >/dev/null
    else
        return 1
    fi
}

java_version() {
    local java=java
    [ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
    "$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' || true
}

if [ "$(java_version)" != 17 ] && [ "$(java_version)" != 21 ]; then
    debian openjdk-17-jre-headless || skip "Java 17 or 21 is needed for the real History Server; found: $(java_version)"
    [ "$(java_version)" = 17 ] || skip "Java is still '$(java_version)': set JAVA_HOME to a Java 17"
fi

python=${PYTHON:-python3}
command -v "$python" >/dev/null || debian python3 || skip "no $python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skip "Python 3.11 or later is needed; $python is $("$python" -V)"

wanted=$(cksum <tests/clients/requirements.txt)
if [ "$(cat .venv/wanted 2>/dev/null)" != "$wanted" ]; then
    echo "preparing .venv (about 700 MB, mostly Spark)"
    "$python" -m venv --clear .venv || { debian python3-venv && "$python" -m venv --clear .venv; } || skip "cannot make a Python environment"
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --ignore-requires-python -r tests/clients/requirements.txt ||
        skip "the Python packages cannot be installed"
    echo "$wanted" >.venv/wanted
fi

[ "${1:-}" = --prepare ] && exit
exec .venv/bin/python tests/clients/run.py "${CARGO_TARGET_DIR:-target}/debug/afterglow"
