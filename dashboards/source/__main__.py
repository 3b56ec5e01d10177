"""Writes the dashboards and the alert rules: python3 dashboards/source

With --check it writes nothing, and fails if a file is not what it would write. Needs Python 3.11 or later, and nothing else.
"""
import json
import sys
from pathlib import Path

import afterglow
import alerts
import application
import cluster
import cost
import fleet
import memory
import streaming

HERE = Path(__file__).resolve().parent.parent


def files():
    for module in (fleet, cluster, application, streaming, memory, cost, afterglow):
        made = module.DASHBOARD
        yield HERE / f"{made['uid'].removeprefix('afterglow-')}.json", json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    yield HERE / "provisioning/alerting/afterglow.yaml", alerts.text()


def main():
    check = "--check" in sys.argv[1:]
    old = [path for path, text in files() if not path.is_file() or path.read_text() != text]
    if check:
        if old:
            sys.exit("not as dashboards/source has them: " + ", ".join(p.name for p in old) + "; run python3 dashboards/source")
        return
    for path, text in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


main()
