"""Many applications out of one real log: under other ids, names, users and times, quickly."""
import json
import re
import uuid
from datetime import datetime, timedelta, timezone

ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
TASK = re.compile(rb'"Task ID":(\d+),"Index":(\d+),"Attempt":(\d+),"Partition ID":(\d+)')
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def event(line):
    return re.split(rb"[.$]", line[10:line.index(b'"', 10)])[-1]


def parsed(lines, name):
    return next(json.loads(line) for line in lines if event(line) == name)


def with_tasks(lines, wanted):
    """The lines with every task so often that there are `wanted` or more; how many there are."""
    ends = [line for line in lines if event(line) == b"SparkListenerTaskEnd"]
    times = -(-wanted // len(ends))
    last = max(int(TASK.search(line)[1]) for line in ends)
    size = 1 + max(int(TASK.search(line)[2]) for line in ends)
    out = []
    for line in lines:
        if event(line) in (b"SparkListenerTaskStart", b"SparkListenerTaskEnd"):
            found = TASK.search(line)
            task, index, attempt, partition = map(int, found.groups())
            for n in range(times):
                ids = b'"Task ID":%d,"Index":%d,"Attempt":%d,"Partition ID":%d' % (
                    task + n * (last + 1), index + n * size, attempt, partition if partition < 0 else partition + n * size)
                out.append(line[:found.start()] + ids + line[found.end():])
        else:
            out.append(re.sub(rb'("Number of Tasks":)(\d+)', lambda m: m[1] + b"%d" % (int(m[2]) * times), line))
    return out, times * len(ends)


class Template:
    """A log, cut where copies differ."""

    def __init__(self, log, tasks):
        lines = log.read_bytes().splitlines(keepends=True)
        # The class path is most of a small log, and the same in all; parsing it is not what is measured.
        lines = [re.sub(rb'"Classpath Entries":\{[^}]*\}', b'"Classpath Entries":{}', line) for line in lines]
        # Streaming queries number their own batches and offsets: they stay as they are.
        streaming = any(event(line) == b"QueryProgressEvent" for line in lines)
        lines, self.tasks = (lines, sum(event(line) == b"SparkListenerTaskEnd" for line in lines)) if streaming else with_tasks(lines, tasks)
        start = parsed(lines, b"SparkListenerApplicationStart")
        self.start = start["Timestamp"]
        self.end = max(int(t) for line in lines for t in re.findall(rb'"(?:Timestamp|Finish Time|Completion Time)":(\d{13})', line))
        ids = {id.encode() for line in lines if event(line) == b"QueryProgressEvent" for id in (json.loads(line)["progress"][k] for k in ("id", "runId"))}
        app, name, user = (start[key].encode() for key in ("App ID", "App Name", "User"))
        name, user = b'"App Name":"%s"' % re.escape(name), b'"User":"%s"' % re.escape(user)
        kinds = [re.escape(app), name, user, ISO, rb"(?<!\d)%s\d{8}(?!\d)" % (b"%d" % self.start)[:5], *map(re.escape, sorted(ids))]
        pieces = re.split(b"(" + b"|".join(kinds) + b")", b"".join(lines))
        self.pieces, self.places = pieces, {"app": [], "name": [], "user": [], "iso": [], "time": [], "id": []}
        for n in range(1, len(pieces), 2):
            text = pieces[n]
            if text == app:
                self.places["app"].append(n)
            elif text.startswith(b'"App Name"'):
                self.places["name"].append(n)
            elif text.startswith(b'"User"'):
                self.places["user"].append(n)
            elif text in ids:
                self.places["id"].append((n, text))
            elif b"T" in text:
                at = datetime.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
                self.places["iso"].append((n, (at - EPOCH) // timedelta(milliseconds=1)))
            else:
                self.places["time"].append((n, int(text)))

    def clone(self, app, name, user, start):
        """The log of an application that starts then, epoch milliseconds."""
        pieces, shift, places = self.pieces, start - self.start, self.places
        for n in places["app"]:
            pieces[n] = app
        for n in places["name"]:
            pieces[n] = b'"App Name":"%s"' % name
        for n in places["user"]:
            pieces[n] = b'"User":"%s"' % user
        for n, t in places["time"]:
            pieces[n] = b"%d" % (t + shift)
        for n, t in places["iso"]:
            pieces[n] = (EPOCH + timedelta(milliseconds=t + shift)).isoformat(timespec="milliseconds")[:23].encode() + b"Z"
        fresh = {}
        for n, text in places["id"]:
            pieces[n] = fresh.get(text) or fresh.setdefault(text, str(uuid.uuid5(uuid.NAMESPACE_OID, f"{app}{text}")).encode())
        return b"".join(pieces)
