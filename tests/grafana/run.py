#!/usr/bin/env python3
"""Every query of the Grafana dashboards, against the real thing.

Grafana is not run. What it would send is: the macros and variables of every panel, variable, annotation and alert rule are expanded as Grafana
does (expand.py) and asked over the PostgreSQL protocol by psycopg, of a server with real logs of Spark; those for Prometheus are asked of a real
Prometheus that scrapes Afterglow. Each must be answered without an error, with rows, and with columns that the panel can draw; some answers are
compared with what the logs or the REST API say.
"""
import argparse
import sys
from pathlib import Path

import files
import panels
import scraped
from complaints import skipped, wrong

PARTS = {"files": files.test, "sql": panels.test, "prometheus": scraped.test}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("binary", type=lambda path: str(Path(path).resolve()))
    args.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all without any")
    args.add_argument("--skipped", type=Path, help="where to write what could not be tested, a line each")
    args = args.parse_args()
    for name in args.parts or PARTS:
        PARTS[name](args.binary)
    if wrong:
        complaints = list(dict.fromkeys(wrong))
        sys.exit("\n".join(complaints) + f"\n{len(complaints)} complaints")
    if args.skipped and skipped:
        args.skipped.write_text("\n".join(skipped) + "\n")
    for what in skipped if not args.skipped else ():
        print(f"SKIPPED: {what}")


if __name__ == "__main__":
    main()
