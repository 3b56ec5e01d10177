#!/usr/bin/env python3
"""Compares two recordings of capture.py: compare.py A.tar.zst B.tar.zst [RULES.json]   (exit status 0: equal)

Equality is JSON's: the order of keys is nothing, the order of lists counts, a missing key is not null. Of an answer that is no 200
only the status counts. The rules say what may differ: [{"url": RE, "json": RE, "op": OP, "why": ...}]; `url` is searched in the path,
`json` must match the whole of a value's place, e.g. $.attempts.0.duration. OP: "ignore"; "unordered" (a list); "longer" (B's list may
go on where A's ends); "extra" (only B may have the key); "status" (any status will do). A rule with "spark": RE is for applications of
such Spark versions only. What differs with the clock (clock.json) is allowed always.
"""
import json
import math
import re
import subprocess
import sys
import tarfile
import io
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent


def load(path):
    plain = subprocess.run(["zstd", "-dcq", "--long=27", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}
    return json.loads(files["index.json"]), files


def clock_rules():
    unfinished = json.loads((HERE / "clock.json").read_text())
    ids = "|".join(sorted({x["app"] for x in unfinished}))
    bases = "|".join(x["app"] + (f"/{x['attemptId']}" if "attemptId" in x else "") for x in unfinished)
    return [{"url": r"^applications(/?$|\?)", "json": r"\$\.\d+\.attempts\.\d+\.lastUpdated(Epoch)?", "op": "ignore"},
            {"url": f"^applications/({ids})(/\\d+)?$", "json": r"\$(\.attempts\.\d+)?\.lastUpdated(Epoch)?", "op": "ignore"},
            {"url": f"^applications/({bases})/", "json": r"\$.*\.(duration|totalDuration|summary\.averageDuration)", "op": "ignore"}]



class Rules:
    def __init__(self, rules, versions):
        self.rules = [(re.compile(r.get("url", "")), re.compile(r.get("json", "")), re.compile(r.get("spark", "")), r["op"]) for r in rules]
        self.versions = versions  # {application id: Spark version}
        self.used = Counter()

    def ops(self, url, place):
        m = re.match("applications/([^/?]+)", url)
        spark = self.versions.get(m[1], "") if m else ""
        found = [(i, op) for i, (u, j, v, op) in enumerate(self.rules) if j.fullmatch(place) and u.search(url) and v.match(spark)]
        self.used.update(i for i, _ in found)
        return {op for _, op in found}


def differences(a, b, url, rules, at="$"):
    """Yields (place, what) for each difference that no rule allows."""
    if a == b or type(a) is type(b) is list and "ignore" in rules.ops(url, at):
        return
    if type(a) is type(b) is dict:
        for k in [*a, *(k for k in b if k not in a)]:
            here = f"{at}.{k}"
            if k in a and k in b:
                yield from differences(a[k], b[k], url, rules, here)
            elif not rules.ops(url, here) & ({"ignore"} if k in a else {"ignore", "extra"}):
                yield here, f"only in {'A' if k in a else 'B'}: {short(a.get(k, b.get(k)))}"
    elif type(a) is type(b) is list:
        if "unordered" in rules.ops(url, at):
            a, b = (sorted(x, key=lambda v: json.dumps(v, sort_keys=True)) for x in (a, b))
        if len(a) > len(b) or len(a) < len(b) and "longer" not in rules.ops(url, at):
            yield at, f"length {len(a)} / {len(b)}"
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, url, rules, f"{at}.{i}")
    elif not (isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-9)):
        if "ignore" not in rules.ops(url, at):
            yield at, f"{short(a)} / {short(b)}"


def short(v):
    s = json.dumps(v, ensure_ascii=False)
    return s if len(s) <= 90 else s[:87] + "..."


def meaning(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def main():
    (ia, fa), (ib, fb) = load(sys.argv[1]), load(sys.argv[2])
    own = json.loads(Path(sys.argv[3]).read_text()) if len(sys.argv) > 3 else []
    listing = json.loads(fa[ia["applications"]["body"]])
    rules = Rules([*own, *clock_rules()], {app["id"]: app["attempts"][0]["appSparkVersion"] for app in listing})
    equal, omitted, kinds, shown = 0, 0, Counter(), {}
    for path in sorted(ia):
        a, b = ia[path], ib.get(path)
        if b is None:
            found = [("", "not in B")] if "status" not in rules.ops(path, "") else []
        elif a["status"] != b["status"]:
            found = [("", f"status {a['status']} / {b['status']}")] if "status" not in rules.ops(path, "") else []
        elif a["status"] != 200 or a["sha256"] == b["sha256"]:
            found = []
        elif "omitted" in a or "omitted" in b:
            omitted += 1
            continue
        else:
            found = list(differences(meaning(fa[a["body"]]), meaning(fb[b["body"]]), path, rules))
        equal += not found
        shape = re.sub(r"(?<=/)\d+(?=[/?]|$)", "N", re.sub(r"applications/[^/?]+", "applications/ID", path))
        for place, what in found:
            kind = shape, re.sub(r"\.\d+(?=\.|$)", ".*", place)
            kinds[kind] += 1
            shown.setdefault(kind, f"{path} {place}: {what}")
    for kind, n in kinds.most_common(80):
        print(f"{n:6d}  {'  '.join(kind)}\n        e.g. {shown[kind]}")
    for i, r in enumerate(own):
        if not rules.used[i]:
            print("rule never used:", r)
    only_b = [p for p in ib if p not in ia]
    print(f"{len(ia)} endpoints, {equal} equal, {omitted} without bodies; {len(only_b)} only in B {only_b[:3]}")
    return 0 if equal + omitted == len(ia) else 1


sys.exit(main())
