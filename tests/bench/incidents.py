#!/usr/bin/env python3
"""Measures incidents: alerts taken in and delivered, and all rules over a large application.

  incidents.py AFTERGLOW [--rate N] [--seconds N] [--big LOG] [--tasks N] [--only PART …]

AFTERGLOW is a release binary. Standard library only, and zstd for the large log. Everything is written below a temporary folder and removed.

- grouped, ungrouped: N alerts a minute (10,000), each with a fingerprint of its own, posted to `serve` as Alertmanager posts them, ten at a time; a webhook
  receiver takes what is told. Ungrouped, each incident is a message; grouped, those of a rule and cluster are, of which there are 100, as the default
  route has it, with waits of seconds instead of minutes. Every alert must arrive.
- rules: the findings of an application with N tasks (1,000,000), made out of LOG, as the API answers them: reading what rules need, all rules, and JSON.
"""
import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import Server, free_port, get, run, table  # noqa: E402
from larger import larger  # noqa: E402

#: Alerts of one request.
TOGETHER = 10
#: Seconds after the last request within which everything must have arrived.
PATIENCE = 300


class Receiver(asyncio.Protocol):
    """Takes webhooks, and notes when each incident was told of first."""

    def __init__(self, first):
        self.first, self.rest = first, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head, body = self.rest.split(b"\r\n\r\n", 1)
            length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:"))
            if len(body) < length:
                return
            now = time.monotonic()
            for incident in json.loads(body[:length])["incidents"]:
                self.first.setdefault(incident["app_name"], now)
            self.first["messages"] = self.first.get("messages", 0) + 1
            self.rest = body[length:]
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


def receive(first):
    """The port of a receiver that runs beside."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    servers = []

    def forever():
        asyncio.set_event_loop(loop)
        servers.append(loop.run_until_complete(loop.create_server(lambda: Receiver(first), "127.0.0.1", 0)))
        started.set()
        loop.run_forever()

    threading.Thread(target=forever, daemon=True).start()
    started.wait()
    return servers[0].sockets[0].getsockname()[1]


def alert(n):
    labels = {"alertname": f"rule-{n % 20}", "cluster": f"cluster-{n // 20 % 5}", "app_name": f"app-{n}", "severity": "critical"}
    return {"status": "firing", "labels": labels, "annotations": {"summary": f"the metric of app-{n} is above 95 for 5 minutes"},
            "startsAt": "2026-11-21T13:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus/graph", "fingerprint": f"{n:016x}"}


async def post(port, o, sent, took):
    """Posts at the pace that is wanted; notes when each alert was accepted, and how long each request took."""
    total = o.rate * o.seconds // 60
    begun, queue = time.monotonic(), asyncio.Queue()

    async def worker():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (at := await queue.get()) is not None:
            body = json.dumps({"version": "4", "status": "firing", "receiver": "afterglow", "alerts": [alert(n) for n in range(at, min(at + TOGETHER, total))]}).encode()
            t = time.monotonic()
            writer.write(b"POST /api/afterglow/v1/intake/alertmanager HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:"))
            await reader.readexactly(length)
            assert b" 200 " in head.split(b"\r\n")[0], head
            now = time.monotonic()
            took.append(now - t)
            for n in range(at, min(at + TOGETHER, total)):
                sent[f"app-{n}"] = now

    workers = [asyncio.create_task(worker()) for _ in range(4)]
    for i, at in enumerate(range(0, total, TOGETHER)):
        wait = begun + i * TOGETHER * 60 / o.rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        queue.put_nowait(at)
    for _ in workers:
        queue.put_nowait(None)
    await asyncio.gather(*workers)
    return begun


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def alerts(o, tmp, grouped):
    first, sent, took = {}, {}, []
    folder = Path(tmp) / ("grouped" if grouped else "ungrouped")
    folder.mkdir()
    route = 'group_wait = "5s"\ngroup_interval = "15s"' if grouped else 'group_by = ["..."]\ngroup_wait = "0s"'
    (folder / "afterglow.toml").write_text(
        f'[alerts.route]\nreceiver = "hook"\n{route}\n[[alerts.receiver]]\nname = "hook"\nconcurrency = 16\nrate = 5000.0\n'
        f'[[alerts.receiver.webhook]]\nurl = "http://127.0.0.1:{receive(first)}/"\n')
    os.environ["AFTERGLOW_CONFIG"] = str(folder / "afterglow.toml")
    port = free_port()
    command = [o.afterglow, "serve", "--store", str(folder / "store"), "--listen", f"127.0.0.1:{port}"]
    server = Server(command, port, lambda s: ready(s.port))
    del os.environ["AFTERGLOW_CONFIG"]
    begun = asyncio.run(post(port, o, sent, took))
    accepted = time.monotonic() - begun
    end = time.monotonic() + PATIENCE
    while any(name not in first for name in sent) and time.monotonic() < end:
        time.sleep(0.2)
    lost = [name for name in sent if name not in first]
    arrived = max(t for name, t in first.items() if name != "messages") - begun
    after = [first[name] - at for name, at in sent.items() if name in first]
    state = json.loads(get(port, "/api/afterglow/v1/deliveries?state=dead&length=1")[1])["total"]
    server.stop()
    per_minute = lambda n, seconds: f"{n / seconds * 60:,.0f}"
    table((f"{'grouped' if grouped else 'ungrouped'}, {len(sent):,} alerts at {o.rate:,} a minute", ""), [
        ("accepted a minute", per_minute(len(sent), accepted)),
        ("delivered a minute", per_minute(len(after), arrived)),
        ("messages", f"{first.get('messages', 0):,}"),
        ("intake, ms a request of ten: p50, p99", f"{statistics.median(took) * 1000:.1f}, {quantile(took, 0.99) * 1000:.1f}"),
        ("from intake to delivery, s: p50, p99", f"{statistics.median(after):.2f}, {quantile(after, 0.99):.2f}"),
        ("lost", len(lost)),
        ("dead letters", state),
    ])
    if lost or state:
        sys.exit(f"lost: {lost[:10]}")


def ready(port):
    try:
        return get(port, "/readyz")[0] == 200
    except OSError:
        return False


def rules(o, tmp):
    if not o.big:
        return print("rules: no log: give one with --big\n")
    logs, store = Path(tmp) / "logs", Path(tmp) / "rules"
    logs.mkdir()
    app, _, tasks = larger(o.big, logs, o.tasks)
    run([o.afterglow, "ingest", "--once", "--logs", str(logs), "--store", str(store)])
    port = free_port()
    server = Server([o.afterglow, "history", "--store", str(store), "--listen", f"127.0.0.1:{port}"], port, lambda s: ready(s.port))
    times, found = [], 0
    for _ in range(o.times):
        status, body, ms = get(port, f"/api/afterglow/v1/applications/{app}/findings")
        assert status == 200, body
        times.append(ms)
        found = len(json.loads(body))
    server.stop()
    table((f"all rules, {tasks:,} tasks in one stage", ""), [
        ("findings", found), ("first, ms", f"{times[0]:.0f}"),
        ("further, ms: p50, p99", f"{statistics.median(times[1:]):.0f}, {quantile(times[1:], 0.99):.0f}"),
    ])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("afterglow")
    p.add_argument("--rate", type=int, default=10_000, help="alerts a minute")
    p.add_argument("--seconds", type=int, default=120)
    p.add_argument("--big", help="a plain event log, as bench.py has it")
    p.add_argument("--tasks", type=int, default=1_000_000)
    p.add_argument("--times", type=int, default=40)
    p.add_argument("--only", nargs="*", default=["grouped", "ungrouped", "rules"])
    o = p.parse_args()
    print(f"# Incidents\n\n{subprocess.run([o.afterglow, '--version'], capture_output=True, text=True).stdout.strip()}, {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as tmp:
        for part in o.only:
            rules(o, tmp) if part == "rules" else alerts(o, tmp, part == "grouped")


main()
