#!/usr/bin/env python3
"""Writes the defaults of Spark's settings, as a real Spark tells them: key -> text, sorted.

  defaults.py VERSION    -> history/src/api/defaults/VERSION.json

Spark of that version must be in /opt/spark/VERSION (see setup.sh). Settings without a default are left out, and so are those whose default
is of the machine and not of Spark; one that falls back on another setting has that one's default.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

OUT = Path(__file__).resolve().parents[2] / "history/src/api/defaults"

# Objects that hold settings; each registers its own when it is loaded.
HOLDERS = """
org.apache.spark.internal.config.package
org.apache.spark.internal.config.ConfigEntry
org.apache.spark.internal.config.Deploy
org.apache.spark.internal.config.History
org.apache.spark.internal.config.Kryo
org.apache.spark.internal.config.Network
org.apache.spark.internal.config.Python
org.apache.spark.internal.config.R
org.apache.spark.internal.config.Status
org.apache.spark.internal.config.Streaming
org.apache.spark.internal.config.UI
org.apache.spark.internal.config.Worker
org.apache.spark.streaming.StreamingConf
org.apache.spark.sql.internal.SQLConf
org.apache.spark.sql.internal.StaticSQLConf
org.apache.spark.sql.hive.HiveUtils
org.apache.spark.sql.connect.config.Connect
org.apache.spark.deploy.yarn.config.package
org.apache.spark.deploy.k8s.Config
""".split()

# Where the JVM runs, who runs it.
OF_MACHINE = {"spark.driver.bindAddress", "spark.driver.host", "spark.sql.session.timeZone", "spark.sql.warehouse.dir"}


def child():
    from pyspark.java_gateway import launch_gateway
    gateway = launch_gateway()
    jvm = gateway.jvm
    for name in HOLDERS:
        try:
            jvm.java.lang.Class.forName(name + "$")
        except Exception as e:  # this version has no such object
            print(f"without {name}: {str(e).splitlines()[0]}", file=sys.stderr)
    known = jvm.java.lang.Class.forName("org.apache.spark.internal.config.ConfigEntry$").getField("MODULE$").get(None).knownConfigs()
    entries = {e.key(): e.defaultValueString() for e in known.values()}

    def default(key, seen=()):
        text = entries.get(key)
        if text is None:
            return "<undefined>"
        other = re.fullmatch(r"<value of (\S+)>", text)
        return default(other[1], (*seen, key)) if other and other[1] not in seen else text

    out = {k: default(k) for k in entries if k not in OF_MACHINE and not k.startswith("spark.testing")}
    json.dump({k: v for k, v in out.items() if v != "<undefined>"}, sys.stdout)


def main(version):
    with tempfile.TemporaryDirectory() as empty:
        env = {"PATH": os.environ["PATH"], "HOME": empty, "LANG": "C.UTF-8", "JAVA_HOME": "/usr/lib/jvm/java-17-openjdk-amd64"}
        out = subprocess.run([f"/opt/spark/{version}/bin/python", __file__, "--child"], cwd=empty, env=env, stdout=subprocess.PIPE, check=True).stdout
        found = json.loads(out)
        local = [k for k, v in found.items() if empty in v or "/opt/spark" in v]
        if local:
            sys.exit(f"defaults that quote the machine: {local}")
    OUT.mkdir(exist_ok=True)
    lines = (f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)}" for k, v in sorted(found.items()))
    (OUT / f"{version}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(found)} defaults of {version}")


if sys.argv[1:] == ["--child"]:
    child()
elif len(sys.argv) == 2:
    main(sys.argv[1])
else:
    sys.exit(__doc__)
