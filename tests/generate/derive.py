#!/usr/bin/env python3
"""Makes damaged and unusual logs out of the real `codec-none` log of a version: derive.py 3.5.9

Each gets an application id of its own (the source's with two digits appended) and says what it is in its application name.
Output: /data/events/VERSION/derived. On 4.3.0 some of the rolling ones are zstd, as its default is. Needs `zstd`.
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

version = sys.argv[1]
EVENTS = Path("/data/events") / version
(SOURCE,) = [p for p in (EVENTS / "codec-none").iterdir() if not p.name.startswith(".")]
OUT = EVENTS / "derived"
LINES = SOURCE.read_bytes().splitlines(keepends=True)
(START,) = [json.loads(x) for x in LINES if b'"SparkListenerApplicationStart"' in x]
MIDDLE = len(LINES) // 2
shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()


def renamed(digits, what, lines, attempt=None):
    """(new id, the lines under the new id and application name)"""
    app = SOURCE.name + digits
    out = []
    for x in lines:
        x = x.replace(SOURCE.name.encode(), app.encode())
        if b'"SparkListenerApplicationStart"' in x:
            # in place: the History Server wants the line to start with "Event"
            x = x.replace(json.dumps(START["App Name"]).encode(), json.dumps(what).encode(), 1)
            if attempt:
                x = x.rstrip()[:-1] + f',"App Attempt ID":"{attempt}"}}\n'.encode()
        out.append(x)
    return app, out


def without(event):
    return [x for x in LINES if f'"Event":"{event}"'.encode() not in x]


def zstd(data, frame=60_000):
    """Many frames, which need not end at a line's end: what Spark writes."""
    return b"".join(subprocess.run(["zstd", "-cq"], input=data[i:i + frame], capture_output=True, check=True).stdout
                    for i in range(0, len(data), frame))


def single(digits, what, lines, suffix="", change=lambda data: data, attempt=None):
    app, lines = renamed(digits, what, lines, attempt)
    (OUT / (app + (f"_{attempt}" if attempt else "") + suffix)).write_bytes(change(b"".join(lines)))


def rolling(digits, what, cuts, names, status="appstatus_{app}", change=lambda data: data, suffix=""):
    """The log cut at the given lines into one part for each of `names` (events_<name>); a name of None drops that part."""
    app, lines = renamed(digits, what, LINES)
    d = OUT / f"eventlog_v2_{app}"
    d.mkdir()
    if status:
        (d / status.format(app=app)).touch()
    edges = [0, *cuts, len(lines)]
    for name, a, b in zip(names, edges, edges[1:]):
        if name is not None:
            data = b"".join(lines[a:b])
            if b == len(lines):
                data = change(data)
            index, _, rest = name.partition(".")
            (d / f"events_{index}_{app}{suffix}{rest and '.' + rest}").write_bytes(zstd(data) if suffix else data)
    return d, app


def cut(data):
    return data[: -max(40, len(data.splitlines()[-1]) // 2)]


BAD = [b'{"Event":"SparkListenerTaskEnd","Stage ID":\n', b"not json\n"]
UNKNOWN = [b'{"Event":"com.example.ListenerOfTheFuture","x":1}\n']
Z = ".zstd" if version >= "4" else ""
TWO = [len(LINES) // 3, len(LINES) * 2 // 3]

single("01", "in progress, last line torn", LINES[: len(LINES) * 2 // 3], ".inprogress", cut)
single("02", "finished by name, last line torn", LINES[: len(LINES) * 2 // 3], "", cut)
single("03", "bad lines in the middle", [*LINES[:MIDDLE], *BAD, *LINES[MIDDLE:]])
single("04", "no ApplicationEnd, finished by name", without("SparkListenerApplicationEnd"))
single("05", "an unknown event", [*LINES[:MIDDLE], *UNKNOWN, *LINES[MIDDLE:]])
single("06", "no ApplicationStart", without("SparkListenerApplicationStart"))
single("07", "in progress, zstd cut inside a frame", LINES, ".zstd.inprogress", lambda d: zstd(d)[: len(zstd(d)) * 3 // 4])
single("08", "an empty line in the middle", [*LINES[:MIDDLE], b"\n", *LINES[MIDDLE:]])
(OUT / f"{SOURCE.name}09").write_bytes(b"")                      # empty
(OUT / f"{SOURCE.name}10").write_bytes(bytes(range(256)) * 40)   # garbage
rolling("11", "rolling, part 2 is missing", TWO, ["1", None, "3"])
rolling("12", "rolling, no appstatus file", TWO, ["1", "2", "3"], status=None)
d, app = rolling("13", "rolling, compacted up to part 2", TWO[1:], ["2.compact", "3"], suffix=Z)
(d / f"events_1_{app}{Z}").write_bytes(b"superseded by events_2: not to be read\n")
rolling("14", "rolling, in progress, last line torn", TWO, ["1", "2", "3"], "appstatus_{app}.inprogress", cut, Z)
rolling("15", "rolling, eleven parts", [len(LINES) * i // 11 for i in range(1, 11)], [str(i) for i in range(1, 12)])
single("16", "two attempts", LINES[: MIDDLE], "", attempt=1)
single("16", "two attempts", LINES, "", attempt=2)
print(*sorted(p.name for p in OUT.iterdir()), sep="\n")
