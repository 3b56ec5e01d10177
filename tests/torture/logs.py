"""Event logs made up for attacks: large, long-lined, oddly named. Their events are shaped as Spark 4.3 writes them."""
import json

START = 1_796_000_000_000


def _write(path, events):
    with open(path, "w") as out:
        for event in events:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")


def beginning(app, name="torture"):
    yield {"Event": "SparkListenerLogStart", "Spark Version": "4.3.0"}
    yield {"Event": "SparkListenerApplicationStart", "App Name": name, "App ID": app, "Timestamp": START, "User": "torture"}
    yield {"Event": "SparkListenerBlockManagerAdded", "Block Manager ID": {"Executor ID": "driver", "Host": "h", "Port": 1},
           "Maximum Memory": 1 << 30, "Timestamp": START + 1, "Maximum Onheap Memory": 1 << 30, "Maximum Offheap Memory": 0}


def end(at):
    return {"Event": "SparkListenerApplicationEnd", "Timestamp": at}


def _stage(stage, tasks, **times):
    return {"Stage ID": stage, "Stage Attempt ID": 0, "Stage Name": f"count at torture.py:{stage}", "Number of Tasks": tasks, "RDD Info": [],
            "Parent IDs": [], "Details": "", "Accumulables": [], "Resource Profile Id": 0, "Shuffle Push Enabled": False,
            "Shuffle Push Mergers Count": 0, **times}


def _task(task, index, at):
    metrics = {"Executor Deserialize Time": 1, "Executor Deserialize CPU Time": 1000, "Executor Run Time": 10 + task % 7, "Executor CPU Time": 9_000_000,
               "Peak Execution Memory": 0, "Result Size": 900, "JVM GC Time": task % 3, "Result Serialization Time": 0, "Memory Bytes Spilled": 0,
               "Disk Bytes Spilled": 0, "Shuffle Read Metrics": {}, "Shuffle Write Metrics": {}, "Input Metrics": {"Bytes Read": 1 << 20, "Records Read": 10},
               "Output Metrics": {"Bytes Written": 0, "Records Written": 0}, "Updated Blocks": []}
    info = {"Task ID": task, "Index": index, "Attempt": 0, "Partition ID": index, "Launch Time": at, "Executor ID": "driver", "Host": "h", "Locality": "ANY",
            "Speculative": False, "Getting Result Time": 0, "Finish Time": at + 12, "Failed": False, "Killed": False, "Accumulables": []}
    return info, metrics


def _ended(stage, task, index, at):
    info, metrics = _task(task, index, at)
    return {"Event": "SparkListenerTaskEnd", "Stage ID": stage, "Stage Attempt ID": 0, "Task Type": "ResultTask",
            "Task End Reason": {"Reason": "Success"}, "Task Info": info, "Task Executor Metrics": {}, "Task Metrics": metrics}


def many_tasks(folder, app, tasks, finished=True):
    """One stage of so many tasks."""
    def events():
        yield from beginning(app)
        info = _stage(0, tasks, **{"Submission Time": START + 10})
        yield {"Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": START + 10, "Stage Infos": [info], "Stage IDs": [0], "Properties": {}}
        yield {"Event": "SparkListenerStageSubmitted", "Stage Info": info, "Properties": {}}
        for i in range(tasks):
            yield _ended(0, i, i, START + 20 + i)
        done = START + 40 + tasks
        yield {"Event": "SparkListenerStageCompleted", "Stage Info": _stage(0, tasks, **{"Submission Time": START + 10, "Completion Time": done})}
        yield {"Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": done, "Job Result": {"Result": "JobSucceeded"}}
        if finished:
            yield end(done + 1)
    _write(folder / app, events())


def many_stages(folder, app, stages):
    """So many jobs of one stage with one task."""
    def events():
        yield from beginning(app)
        for i in range(stages):
            at = START + 100 * i
            info = _stage(i, 1, **{"Submission Time": at})
            yield {"Event": "SparkListenerJobStart", "Job ID": i, "Submission Time": at, "Stage Infos": [info], "Stage IDs": [i], "Properties": {}}
            yield {"Event": "SparkListenerStageSubmitted", "Stage Info": info, "Properties": {}}
            yield _ended(i, i, 0, at + 1)
            yield {"Event": "SparkListenerStageCompleted", "Stage Info": _stage(i, 1, **{"Submission Time": at, "Completion Time": at + 20})}
            yield {"Event": "SparkListenerJobEnd", "Job ID": i, "Completion Time": at + 20, "Job Result": {"Result": "JobSucceeded"}}
        yield end(START + 100 * stages)
    _write(folder / app, events())


def long_lines(folder, app, lines, size):
    """So many events with a plan of so many bytes."""
    with open(folder / app, "w") as out:
        for event in beginning(app):
            out.write(json.dumps(event) + "\n")
        for i in range(lines):
            head = json.dumps({"Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart", "executionId": i, "description": "d", "details": ""})[:-1]
            out.write(head + ', "physicalPlanDescription": "')
            left = size
            while left > 0:
                out.write("x" * min(left, 1 << 20))
                left -= 1 << 20
            out.write('", "sparkPlanInfo": {"nodeName": "Scan", "simpleString": "Scan", "children": [], "metadata": {}, "metrics": []}, '
                      f'"time": {START + i}, "modifiedConfigs": {{}}}}\n')
        out.write(json.dumps(end(START + 1000)) + "\n")


def small(folder, app, tasks=8):
    many_tasks(folder, app, tasks)
