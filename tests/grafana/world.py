"""What the tests ask: a server of Afterglow over real logs, and a real Prometheus that scrapes it."""
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
import urllib.request
from pathlib import Path

import zstandard

TESTS = Path(__file__).resolve().parent.parent
WORK = TESTS / ".work" / "grafana"

#: Cluster -> version/case of tests/logs, some with which of its members: those whose name has the text.
CLUSTERS = {
    "batch": ["4.3.0/sql", "4.3.0/spill", "4.3.0/gc", "4.3.0/users", "4.3.0/fail-job", "4.3.0/fail-killed", "4.3.0/skew",
              "4.3.0/derived:9316_"],  # one application with two attempts; the first has no end
    "executors": ["3.5.9/exec-lost", "3.5.9/exec-dynalloc", "4.3.0/exec-metrics", "3.5.9/python-ml"],
    "it's streaming": ["4.3.0/streaming-rocksdb", "4.3.0/streaming-changelog", "3.5.9/streaming-rocksdb", "3.5.9/streaming-changelog"],
}
#: A cluster with a streaming application that runs: the log of one of these without its end, written to just now.
LIVE = ("live", "4.3.0/streaming-changelog")


def unpack(case, to):
    case, _, part = case.partition(":")
    to.mkdir(parents=True, exist_ok=True)
    packed = (TESTS / "logs" / f"{case}.tar.zst").open("rb")
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed).read())) as tar:
        tar.extractall(to, [m for m in tar if part in m.name])


def logs():
    """Unpacks all, and gives the folder of each cluster."""
    shutil.rmtree(WORK, ignore_errors=True)
    folders = {name: WORK / "logs" / str(n) for n, name in enumerate([*CLUSTERS, LIVE[0]])}
    for cluster, cases in CLUSTERS.items():
        for case in cases:
            unpack(case, folders[cluster])
    unpack(LIVE[1], WORK / "cut")
    whole = next(p for p in sorted((WORK / "cut").rglob("*")) if p.is_file())
    lines = [line for line in whole.read_text().splitlines(keepends=True) if '"SparkListenerApplicationEnd"' not in line]
    folders[LIVE[0]].mkdir()
    (folders[LIVE[0]] / f"{whole.name}.inprogress").write_text("".join(lines))
    return folders


class Process:
    """A program that says where it listens; it ends with the block."""

    def __init__(self, command, says, env=None):
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
        self.said, self.found = [], {}
        ready = threading.Event()

        def read():
            for line in self.child.stderr:
                self.said.append(line)
                for name, pattern in says.items():
                    if match := re.search(pattern, line):
                        self.found[name] = match[1]
                if len(self.found) == len(says):
                    ready.set()
            ready.set()
        threading.Thread(target=read, daemon=True).start()
        if not ready.wait(60) or len(self.found) != len(says):
            self.child.kill()
            raise SystemExit(f"{command[0]} did not say where it listens:\n{''.join(self.said)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(60)


def afterglow(binary, role, store, *args, postgres=True, **settings):
    """A server on ports of its own; `found` has `http`, and `postgres` if it answers that."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AFTERGLOW_", "AWS_"))}
    env |= {"AFTERGLOW_POSTGRES__LISTEN": "127.0.0.1:0" if postgres else "off", **settings}
    says = {"http": r"serving on (http://\S+)"} | ({"postgres": r"PostgreSQL protocol on 127\.0\.0\.1:(\d+)"} if postgres else {})
    return Process([binary, role, "--listen", "127.0.0.1:0", "--store", str(store), *args], says, env)


def ingest(binary, store, folders):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AFTERGLOW_", "AWS_"))}
    sources = [arg for name, folder in folders.items() for arg in ("--logs", f"{name}={folder}")]
    subprocess.run([binary, "ingest", "--once", "--store", str(store), *sources], check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def get(url, body=None):
    """JSON from an address; with a body, also JSON, that is sent there."""
    sent = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, sent, {"Content-Type": "application/json"}), timeout=30) as answer:
        return json.load(answer)


def prometheus():
    """Prometheus of this machine, or the one that tests/prepare.sh unpacked; None without."""
    return shutil.which("prometheus") or shutil.which("prometheus", path=str(TESTS / ".work/prometheus/usr/bin"))
