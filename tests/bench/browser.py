#!/usr/bin/env python3
"""What a reader waits for in a browser, beside the real History Server: browser.py AFTERGLOW --big LOG [--shs VENV]

LOG is as for bench.py. Chromium is asked for times and bytes by browser.mjs; playwright-core is that of `ui`. Everything is written below a
temporary folder and removed.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench import HERE, afterglow, cataloged, history_server, ratio, run, synthetic, table
from larger import larger

CATALOG, TASKS = 100_000, 1_000_000
VISITS, COLD = 7, 3
# The History Server sends all tasks of a stage to its page, which takes more than its usual heap.
HEAP = "4g"


def browse(**plan):
    return json.loads(subprocess.run(["node", HERE / "browser.mjs", json.dumps(plan)], check=True, stdout=subprocess.PIPE).stdout)


def warm(of, url):
    """Medians of further visits: (rows shown, sorted) in ms. The first one fills the caches of server and browser."""
    return medians(browse(task="visit", of=of, url=url, visits=VISITS + 1)[1:])


def cold(start, of, path):
    """The same of first visits, each to a server that has just started, with a new browser; and the visits."""
    visits = []
    for _ in range(COLD):
        server = start()
        visits += browse(task="visit", of=of, url=f"http://127.0.0.1:{server.port}{path}")
        server.stop()
    return medians(visits), visits


def medians(visits):
    """Of (rows shown, sorted); none where somebody did not answer in time."""
    kinds = [[v[what] for v in visits] for what in ("rows", "done")]
    return tuple(None if not times or None in times else statistics.median(times) for times in kinds)


def row(what, ours, theirs, why="not run"):
    text = lambda v: why if v is None else f"{v / 1000:.2f} s"
    return what, text(ours), text(theirs), ratio(theirs, ours)


def applications(o, tmp):
    store = Path(tmp) / "catalog"
    synthetic(o, store, CATALOG).stop()
    start = lambda: cataloged(o, store, CATALOG)
    first, visits = cold(start, "applications", "/")
    server = start()
    url = f"http://127.0.0.1:{server.port}/"
    again = warm("applications", url)
    smooth = browse(task="scroll", of="applications", url=url)
    server.stop()
    theirs = listed(o, tmp)
    print(f"## Applications in the browser: {CATALOG} of ours, {o.listed} of the History Server's\n")
    kinds = ", ".join(f"{kind.lower()} {size / 1000:.1f}" for kind, size in sorted(visits[0]["sizes"].items()))
    print(f"First load: {visits[0]['bytes'] / 1000:.1f} KB until rows are shown (budget 150): {kinds}.\n")
    table(("", "Afterglow", "SHS 4.3.0", "times better"), [
        row("first visit, rows", first[0], theirs and theirs[0][0]), row("first visit, sorted", first[1], theirs and theirs[0][1]),
        row("further visits, rows", again[0], theirs and theirs[1][0]), row("further visits, sorted", again[1], theirs and theirs[1][1])])
    return smooth


def listed(o, tmp):
    """The History Server's list, of as many very small logs: ((first visit), (further visits))."""
    if not o.shs:
        return None
    logs = Path(tmp) / "tiny"
    logs.mkdir()
    for i in range(o.listed):
        app, at = f"application_1760000000_{i:06d}", 1_760_000_000_000 + i * 60_000
        (logs / app).write_text("\n".join(json.dumps(e, separators=(",", ":")) for e in (
            {"Event": "SparkListenerLogStart", "Spark Version": "4.3.0"},
            {"Event": "SparkListenerApplicationStart", "App Name": f"orders daily {i}", "App ID": app, "Timestamp": at, "User": f"user{i % 200}"},
            {"Event": "SparkListenerApplicationEnd", "Timestamp": at + 1000 + i * 7919 % 600_000})) + "\n")
    server = history_server(o.shs, logs, o.listed, tmp, "4g")
    url = f"http://127.0.0.1:{server.port}/"
    first = medians(browse(task="visit", of="shs applications", url=url))
    again = warm("shs applications", url)
    server.stop()
    return first, again


def stage(o, tmp, wanted):
    logs, store = Path(tmp) / f"stage-{wanted}", Path(tmp) / f"stage-{wanted}-store"
    logs.mkdir()
    app, stage, tasks = larger(o.big, logs, wanted)
    run([o.afterglow, "ingest", "--once", "--logs", str(logs), "--store", str(store)])
    start = lambda: afterglow(o.afterglow, store, 1)
    page = f"/apps/default/{app}/stages/{stage}/0"
    first, _ = cold(start, "tasks", f"{page}?view=tasks")
    numbers, _ = cold(start, "summary", page)
    server = start()
    url = f"http://127.0.0.1:{server.port}{page}"
    again, whole = warm("tasks", f"{url}?view=tasks"), warm("summary", url)
    smooth = browse(task="scroll", of="tasks", url=f"{url}?view=tasks")
    server.stop()
    once, theirs, summary, why = (None, None), (None, None), None, "not run"
    if o.shs:
        server = history_server(o.shs, logs, 1, tmp, HEAP)
        url = f"http://127.0.0.1:{server.port}/history/{app}/stages/stage/?id={stage}&attempt=0"
        once, why = medians(browse(task="visit", of="shs tasks", url=url)), "not within 4 min"
        if once[0] is not None:
            theirs, summary = warm("shs tasks", url), warm("shs summary", url)[0]
        server.stop()
    print(f"## A stage of {tasks} tasks in the browser (History Server: heap {HEAP}; it keeps 100,000 tasks of a stage)\n")
    table(("", "Afterglow", "SHS 4.3.0", "times better"), [
        row("first visit, tasks", first[0], once[0], why), row("first visit, tasks sorted", first[1], once[1], why),
        row("first visit, quantiles", numbers[0], None, "-"),
        row("further visits, tasks", again[0], theirs[0], why), row("further visits, tasks sorted", again[1], theirs[1], why),
        row("further visits, quantiles", whole[0], summary, why)])
    return smooth


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("afterglow")
    ap.add_argument("--big")
    ap.add_argument("--shs")
    ap.add_argument("--listed", type=int, default=20_000, help="logs in the History Server's list: it reads each before it lists it")
    o = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="afterglow-bench-") as tmp:
        smooth = {"applications": applications(o, tmp)}
        if o.big:
            for wanted in (1, TASKS):
                smooth["tasks"] = stage(o, tmp, wanted)
        print("## Scrolling for three seconds\n")
        table(("", "frames a second", "frame, median", "frame, 95%", "frames with rows missing"),
              [(what, f"{s['fps']:.0f}", f"{s['median']:.1f} ms", f"{s['p95']:.1f} ms", f"{s['waiting']:.1%}") for what, s in smooth.items()])


if __name__ == "__main__":
    main()
