#!/usr/bin/env bash
# Prepares what the tests need beside Rust: Python packages in .venv, Prometheus and Alertmanager from Debian and, as root there, python3-venv, Java 17 and Chromium. What it cannot prepare
# it says, and ends well: the tests that miss it name themselves as skipped, and with CI=true fail.
set -euo pipefail
cd "$(dirname "$0")/.."

debian() { # install packages, if we may
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "$@" >/dev/null
    else
        return 1
    fi
}

java_fits() {
    "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | grep -Eq ' version "(17|21)[."-]'
}

packages() {
    local python=${PYTHON:-python3} wanted
    wanted=$(cksum <tests/requirements.txt)
    [ "$(cat .venv/wanted 2>/dev/null)" != "$wanted" ] || return 0
    command -v "$python" >/dev/null || debian python3 || return 1
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || return 1
    echo "preparing .venv (about 700 MB, mostly Spark)"
    "$python" -m venv --clear .venv || { debian python3-venv && "$python" -m venv --clear .venv; } || return 1
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --ignore-requires-python -r tests/requirements.txt || return 1
    echo "$wanted" >.venv/wanted
}

# Unpacked and not installed: its package starts a service.
prometheus() {
    local to=tests/.work/prometheus
    command -v prometheus >/dev/null && command -v promtool >/dev/null && return
    [ ! -x $to/usr/bin/promtool ] || return 0
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    echo "unpacking prometheus"
    [ "$(id -u)" != 0 ] || apt-get update -qq
    rm -rf $to && mkdir -p $to && (cd $to && apt-get download -qq prometheus 2>/dev/null && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb)
}

# As Prometheus; but its templates it wants in their place.
alertmanager() {
    local to=tests/.work/alertmanager templates=usr/share/prometheus/alertmanager
    command -v prometheus-alertmanager >/dev/null && return
    [ ! -x $to/usr/bin/prometheus-alertmanager ] || [ ! -e /$templates/default.tmpl ] || return 0
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    echo "unpacking prometheus-alertmanager"
    [ "$(id -u)" != 0 ] || apt-get update -qq
    rm -rf $to && mkdir -p $to && (cd $to && apt-get download -qq prometheus-alertmanager 2>/dev/null && dpkg-deb -x prometheus-alertmanager_*.deb . && rm prometheus-alertmanager_*.deb) &&
        mkdir -p /$templates && cp $to/$templates/*.tmpl /$templates/
}

packages || echo "not prepared: .venv; Python 3.11 or later with venv is needed, and a package index"
java_fits || debian openjdk-17-jre-headless && java_fits || echo "not prepared: Java 17 or 21; install one, or set JAVA_HOME"
command -v psql >/dev/null || debian postgresql-client || echo "not prepared: psql; install PostgreSQL's client"
prometheus || echo "not prepared: Prometheus; install it, so that prometheus and promtool are on the path"
alertmanager || echo "not prepared: Alertmanager; install it, so that prometheus-alertmanager is on the path"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || debian chromium || echo "not prepared: Chromium; install it, or set CHROMIUM"
