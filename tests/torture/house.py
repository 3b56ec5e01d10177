"""The server under attack, and what is measured meanwhile: how fast the list of applications answers, memory, readiness."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

LIST = "/api/v1/applications?limit=20"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tree(pid):
    """The process and all below it."""
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        try:
            for task in Path(f"/proc/{p}/task").iterdir():
                todo += [int(c) for c in (task / "children").read_text().split()]
        except OSError:
            pass
    return found


def memory(pid):
    """Resident bytes of a process and all below it."""
    total = 0
    for p in tree(pid):
        try:
            total += int(Path(f"/proc/{p}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            pass
    return total


def p99(times):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * 0.99))] if times else None


class House:
    """`afterglow serve` with its store, logs and settings in a folder."""

    def __init__(self, binary, folder, settings="", role="serve"):
        self.binary, self.folder, self.settings, self.role = binary, Path(folder), settings, role
        self.logs = self.folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.store = self.folder / "store"
        self.port, self.postgres = free_port(), free_port()
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def config(self):
        file = self.folder / "afterglow.toml"
        file.write_text(self.settings)
        return file

    def command(self, role, *more):
        return [self.binary, role, *more, "--config", str(self.config), "--store", str(self.store)]

    def environment(self):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AFTERGLOW_", "AWS_", "OTEL_"))}
        return {**kept, "AFTERGLOW_POSTGRES__LISTEN": f"127.0.0.1:{self.postgres}", "AFTERGLOW_INGEST__POLL": "500ms"}

    def start(self, wait=True):
        self.out = open(self.folder / "server.log", "ab")
        command = self.command(self.role, "--logs", f"c={self.logs}", "--listen", f"127.0.0.1:{self.port}")
        self.process = subprocess.Popen(command, stdout=self.out, stderr=self.out, env=self.environment())
        if wait:
            self.eventually(self.answers, 60)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return False
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")

    def eventually(self, what, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if what():
                    return True
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.1)
        return False

    def ask(self, path, method="GET", body=None, headers=None, timeout=60):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def answers(self):
        return self.ask("/readyz", timeout=5)[0] == 200

    def json(self, path, timeout=60):
        status, body = self.ask(path, timeout=timeout)
        if status != 200:
            raise ValueError(f"{path}: {status} {body[:200]!r}")
        return json.loads(body)

    def sql(self, statement, timeout=60):
        body = json.dumps({"query": statement})
        return self.ask("/api/afterglow/v1/sql", "POST", body, {"content-type": "application/json"}, timeout)

    def indexed(self, app, seconds=120):
        return self.eventually(lambda: self.ask(f"/api/v1/applications/{app}")[0] == 200
                               and self.json(f"/api/v1/applications/{app}")["attempts"][0]["completed"], seconds)


class Watch:
    """Asks for the list of applications 20 times a second while something else happens, and looks at memory and readiness."""

    def __init__(self, house):
        self.house, self.times, self.failed, self.ready = house, [], 0, set()
        self.peak = self.first = memory(house.process.pid)
        self.over = threading.Event()

    def __enter__(self):
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self._ask, self._look)]
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()

    def _ask(self):
        while not self.over.is_set():
            t = time.monotonic()
            try:
                ok = self.house.ask(LIST, timeout=30)[0] == 200
            except (OSError, http.client.HTTPException):
                ok = False
            took = time.monotonic() - t
            if ok:
                self.times.append(took)
            else:
                self.failed += 1
            self.over.wait(max(0.0, 0.05 - took))

    def _look(self):
        n = 0
        while not self.over.is_set():
            self.peak = max(self.peak, memory(self.house.process.pid))
            if n % 20 == 0:
                try:
                    self.ready.add(self.house.ask("/readyz", timeout=5)[0])
                except (OSError, http.client.HTTPException):
                    self.ready.add("none")
            n += 1
            self.over.wait(0.05)
