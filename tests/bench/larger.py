"""A log whose largest stage has as many tasks as wanted, made out of a real one."""
import json
import math
import re
import subprocess

TASK = re.compile(r'"Task ID":(\d+),"Index":(\d+),"Attempt":(\d+),"Partition ID":(\d+)')


def larger(log, folder, wanted):
    """(application, stage, tasks) of the log in `folder`: the largest stage of `log`, each of its tasks as often as gives `wanted` or more."""
    app, stage, size, last = "", -1, 0, 0
    with open(log) as lines:
        for line in lines:
            if line.startswith('{"Event":"SparkListenerApplicationStart"'):
                app = json.loads(line)["App ID"]
            elif line.startswith('{"Event":"SparkListenerStageSubmitted"'):
                info = json.loads(line)["Stage Info"]
                if info["Number of Tasks"] > size:
                    stage, size = info["Stage ID"], info["Number of Tasks"]
            elif line.startswith('{"Event":"SparkListenerTaskStart"'):
                last = max(last, int(TASK.search(line)[1]))
    times = math.ceil(wanted / size)
    pack = subprocess.Popen(["zstd", "-1", "-q", "-o", str(folder / f"{app}.zstd")], stdin=subprocess.PIPE, text=True)
    of_stage, jobs = re.compile(r'"Stage ID":%d\b' % stage), set()
    with open(log) as lines:
        for line in lines:
            event = line[10:line.index('"', 10)]
            if event in ("SparkListenerTaskStart", "SparkListenerTaskEnd"):
                if not of_stage.search(line, 0, 100):
                    continue
                found = TASK.search(line)
                before, after = line[:found.start()], line[found.end():]
                task, index, attempt, partition = map(int, found.groups())
                for n in range(times):
                    pack.stdin.write(f'{before}"Task ID":{task + n * (last + 1)},"Index":{index + n * size},"Attempt":{attempt},'
                                     f'"Partition ID":{partition + n * size}{after}')
                continue
            # Jobs and stages that have lost their tasks would only confuse.
            if event == "SparkListenerJobStart":
                ids = json.loads(line)
                if stage not in ids["Stage IDs"]:
                    continue
                jobs.add(ids["Job ID"])
            elif event == "SparkListenerJobEnd" and json.loads(line)["Job ID"] not in jobs:
                continue
            elif event.startswith("SparkListenerStage") and json.loads(line)["Stage Info"]["Stage ID"] != stage:
                continue
            pack.stdin.write(line.replace(f'"Number of Tasks":{size},', f'"Number of Tasks":{size * times},'))
    pack.stdin.close()
    if pack.wait() != 0:
        raise SystemExit("zstd failed")
    return app, stage, size * times
