#!/bin/sh
# Prepares a Debian machine for run.py: Java 17, the user `spark`, one venv for each Spark version, folders under /data.
# Run as root; it may be run again at any time.
set -eu

need=
[ -x /usr/lib/jvm/java-17-openjdk-amd64/bin/java ] || need="$need openjdk-17-jre-headless"
dpkg -s python3-venv >/dev/null 2>&1 || need="$need python3-venv"
command -v zstd >/dev/null || need="$need zstd"
command -v setpriv >/dev/null || need="$need util-linux"
# shellcheck disable=SC2086
[ -z "$need" ] || { apt-get update -q; apt-get install -yq --no-install-recommends $need; }

# The applications run as this user, so that the logs quote a neutral name and home.
id spark >/dev/null 2>&1 || useradd --system --create-home --home-dir /home/spark --shell /bin/sh spark
install -d -o spark -g spark /data/work /data/events /data/tmp

venv() { # version, packages...
    dir=/opt/spark/$1
    version=$1
    shift
    # Debian's own interpreter: the path of whatever runs Spark ends up in the logs.
    [ -x "$dir/bin/python" ] || /usr/bin/python3 -m venv "$dir"
    "$dir/bin/python" -c "import pyspark, sys; sys.exit(pyspark.__version__ != '$version')" 2>/dev/null ||
        "$dir/bin/pip" install -q "pyspark==$version" "$@"
    # local-cluster executors keep their scratch here
    install -d -o spark -g spark "$("$dir/bin/python" -c 'import pyspark; print(pyspark.__path__[0])')/work"
}

install -d /opt/spark
venv 3.5.9 'pandas<2.3' 'pyarrow<16' 'numpy<2' setuptools
venv 4.3.0 'pandas<3' pyarrow numpy grpcio grpcio-status googleapis-common-protos zstandard
