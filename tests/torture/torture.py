#!/usr/bin/env python3
"""Attacks a server of its own on loopback, and prints what was tried, what held, and what it cost meanwhile.

  torture.py AFTERGLOW [--only NAME …] [--small]

AFTERGLOW is the binary, best a release build. Python with psycopg (`.venv`). Takes about ten minutes and 6 GB below a temporary folder,
which is removed. --small has a hundredth of the tasks and stages. Ends with 1 if anything did not hold.

Beside each attack the list of applications is asked for 20 times a second. It must answer within twice the time of before (or 25 ms), and the memory of
all processes together stay within what the settings allow and 256 MiB.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import attacks  # noqa: E402
import logs  # noqa: E402
from house import House, Watch, p99  # noqa: E402

MIB = 1 << 20
#: What the settings allow: those of the server that is attacked, in the order of docs/operations.md, "Sizing".
SETTINGS = """
[ingest]
memory = "512MB"
[store]
cache = "64MB"
[sql]
memory = "256MB"
timeout = "10s"
"""
ALLOWED = (512 + 64 + 256 + 128) * MIB
#: A page is quick if it takes no longer than this, whatever it took before.
QUICK = 0.025


def prepare(house, small):
    scale = 100 if small else 1
    logs.many_tasks(house.logs, "app-tasks", 150_000 // scale)
    logs.many_stages(house.logs, "app-stages", 200_000 // scale)
    for i in range(20):
        logs.small(house.logs, f"app-small-{i:02}")


def ms(seconds):
    return "-" if seconds is None else f"{seconds * 1000:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afterglow")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--small", action="store_true")
    o = parser.parse_args()
    binary = str(Path(o.afterglow).resolve())
    chosen = [a for a in attacks.ALL if not o.only or a.__name__ in o.only]
    rows, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="afterglow-torture-") as folder:
        house = House(binary, folder, SETTINGS)
        prepare(house, o.small)
        with house:
            for app in ("app-tasks", "app-stages", "app-small-19"):
                if not house.indexed(app, 300):
                    sys.exit(f"{app} was not indexed:\n{house.log()[-2000:]}")
            print("| attack | held | p99 of the list before, during (ms) | most memory (MiB) | /readyz |\n|---|---|---|---|---|", flush=True)
            for attack in chosen:
                with Watch(house) as calm:
                    time.sleep(2)
                began = time.monotonic()
                with Watch(house) as watch:
                    try:
                        told, held = attack(house), True
                    except attacks.Broken as e:
                        told, held = str(e), False
                    except Exception as e:  # noqa: BLE001: whatever it is, the row must say so
                        told, held = f"{type(e).__name__}: {e}", False
                took = time.monotonic() - began
                before, during = p99(calm.times), p99(watch.times)
                restarts = attack.__name__ in ("killed", "damaged_index", "damaged_catalog", "disk_full")
                slow = not restarts and during is not None and before is not None and during > max(2 * before, QUICK)
                large = watch.peak > ALLOWED + 256 * MIB
                notes = [told, f"{took:.0f} s"] + ["the list is slow"] * slow + ["too much memory"] * large
                ok = held and not slow and not large
                failed += not ok
                ready = ", ".join(str(r) for r in sorted(watch.ready, key=str))
                row = f"| {attack.__doc__} | {'yes' if ok else '**no**'}: {'; '.join(notes)} | {ms(before)}, {ms(during)} | {watch.peak // MIB} | {ready} |"
                rows.append(row)
                print(row.replace("\n", " "), flush=True)
                if not house.alive() or not house.eventually(house.answers, 10):
                    house.stop()
                    house.start()
    print(f"\n{len(rows) - failed} of {len(rows)} held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
