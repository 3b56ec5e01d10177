#!/usr/bin/env python3
"""Writes event logs with what real ones seldom have, one application a kind of fault: made.py FOLDER

Events after the end of what they belong to, stages that jobs share, fields that older Sparks do not write, accumulators whose
order is that of Scala's hash map, executors that come again. What is right about them, a real History Server says: see README.md.
"""
import json
import sys
from pathlib import Path

T = 1_790_000_000_000


class Log:
    def __init__(self, number, name):
        self.id, self.lines, self.tasks = f"application_1790000000000_{number:04d}", [], 0
        self.put("SparkListenerLogStart", {"Spark Version": "3.5.1"})
        self.block_manager("driver", 50)
        self.put("SparkListenerEnvironmentUpdate", {"JVM Information": {"Java Version": "17"}, "Spark Properties": {"spark.master": "yarn"}, "Hadoop Properties": {},
                                                    "System Properties": {}, "Classpath Entries": {}})
        self.put("SparkListenerApplicationStart", {"App Name": name, "App ID": self.id, "Timestamp": T, "User": "made"})

    def put(self, event, fields):
        self.lines.append(json.dumps({"Event": event, **fields}, separators=(",", ":")))

    def block_manager(self, executor, at, **more):
        time = {} if at is None else {"Timestamp": T + at}
        self.put("SparkListenerBlockManagerAdded", {"Block Manager ID": {"Executor ID": executor, "Host": "h", "Port": 7}, "Maximum Memory": 1000, **time, **more})

    def executor(self, executor, at, cores=2):
        self.put("SparkListenerExecutorAdded", {"Timestamp": T + at, "Executor ID": executor, "Executor Info": {
            "Host": "h", "Total Cores": cores, "Log Urls": {}, "Attributes": {}, "Resources": {}, "Resource Profile Id": 0}})
        self.block_manager(executor, at)

    def removed(self, executor, at, why):
        self.put("SparkListenerExecutorRemoved", {"Timestamp": T + at, "Executor ID": executor, "Removed Reason": why})

    def stage_info(self, stage, tasks=2, **more):
        return {"Stage ID": stage, "Stage Attempt ID": 0, "Stage Name": f"stage {stage}", "Number of Tasks": tasks, "RDD Info": [], "Parent IDs": [],
                "Details": "", "Accumulables": [], "Resource Profile Id": 0, **more}

    def job(self, job, stages, at, **properties):
        self.put("SparkListenerJobStart", {"Job ID": job, "Submission Time": T + at, "Stage Infos": [self.stage_info(s) for s in stages], "Stage IDs": stages, "Properties": properties})

    def job_end(self, job, at, error=None):
        result = {"Result": "JobFailed", "Exception": {"Message": error, "Stack Trace": []}} if error else {"Result": "JobSucceeded"}
        self.put("SparkListenerJobEnd", {"Job ID": job, "Completion Time": T + at, "Job Result": result})

    def submitted(self, stage, at):
        self.put("SparkListenerStageSubmitted", {"Stage Info": self.stage_info(stage, **{"Submission Time": T + at}), "Properties": {}})

    def completed(self, stage, at, end, **more):
        self.put("SparkListenerStageCompleted", {"Stage Info": self.stage_info(stage, **{"Submission Time": T + at, "Completion Time": T + end, **more})})

    def info(self, task, index, executor, start, end=0, **more):
        return {"Task ID": task, "Index": index, "Attempt": 0, "Launch Time": T + start, "Executor ID": executor, "Host": "h", "Locality": "ANY", "Speculative": False,
                "Getting Result Time": 0, "Finish Time": T + end if end else 0, "Failed": False, "Killed": False, "Accumulables": [], **more}

    def task(self, stage, index, executor, start):
        self.tasks += 1
        self.put("SparkListenerTaskStart", {"Stage ID": stage, "Stage Attempt ID": 0, "Task Info": self.info(self.tasks - 1, index, executor, start)})
        return self.tasks - 1

    def task_end(self, stage, task, index, executor, start, end, reason=None, **more):
        metrics = {"Executor Deserialize Time": 1, "Executor Run Time": end - start - 1, "Result Size": 9, "JVM GC Time": 1, "Result Serialization Time": 0,
                   "Memory Bytes Spilled": 0, "Disk Bytes Spilled": 0, "Updated Blocks": []}
        self.put("SparkListenerTaskEnd", {"Stage ID": stage, "Stage Attempt ID": 0, "Task Type": "ResultTask", "Task End Reason": reason or {"Reason": "Success"},
                                          "Task Info": self.info(task, index, executor, start, end, **more), "Task Metrics": metrics})

    def write(self, folder):
        self.put("SparkListenerApplicationEnd", {"Timestamp": T + 9_000})
        (folder / self.id).write_text("\n".join(self.lines) + "\n")


KILLED = {"Reason": "TaskKilled", "Kill Reason": "Stage cancelled", "Accumulator Updates": []}


def after_the_end():
    """Two stages go on after their job: one to its end, which then shows in the job, the other not."""
    log = Log(101, "after the end")
    log.executor("1", 100)
    log.job(0, [0, 1], 200)
    tasks = {}
    for stage in (0, 1):
        log.submitted(stage, 210)
        for index in (0, 1):
            tasks[stage, index] = log.task(stage, index, "1", 220)
    log.task_end(0, tasks[0, 0], 0, "1", 220, 300)
    log.completed(0, 210, 400, **{"Failure Reason": "Job 0 cancelled"})
    log.job_end(0, 410, "Job 0 cancelled")
    log.task_end(1, tasks[1, 0], 0, "1", 220, 420, KILLED, Killed=True)
    log.completed(1, 210, 430, **{"Failure Reason": "Job 0 cancelled"})
    log.task_end(0, tasks[0, 1], 1, "1", 220, 500, KILLED, Killed=True)
    log.job(1, [2], 600)
    log.submitted(2, 610)
    tasks[2, 0] = log.task(2, 0, "1", 620)
    log.job_end(1, 700)
    log.removed("1", 710, "gone")
    log.task_end(2, tasks[2, 0], 0, "1", 620, 720, {"Reason": "ExecutorLostFailure", "Exit Caused By App": False}, Failed=True)
    return log


def shared_stages():
    """Stages that several jobs wait for, and that ended before a job lists them again."""
    log = Log(102, "shared stages")
    log.executor("1", 100)
    for job, stages in ((0, [0, 1]), (1, [0, 1, 2]), (2, [1, 3])):
        log.job(job, stages, 200 + job)
    log.submitted(2, 210)
    log.completed(2, 210, 290)
    for job in (1, 0, 2):
        log.job_end(job, 300 + job)
    log.job(3, [1, 2, 4], 400)
    log.job(4, [1, 4], 401)
    log.submitted(4, 410)
    log.completed(4, 410, 420)
    log.job_end(4, 430)
    log.job_end(3, 440)
    return log


def absent_fields():
    """What an older Spark, or a filter, leaves out."""
    log = Log(103, "absent fields")
    log.block_manager("1", None, **{"Maximum Onheap Memory": 900, "Maximum Offheap Memory": 100})
    log.executor("2", 100)
    log.put("SparkListenerJobStart", {"Job ID": 0, "Submission Time": T + 200, "Stage IDs": [0, 1], "Properties": {}})
    log.put("SparkListenerJobStart", {"Job ID": 1, "Stage Infos": [log.stage_info(2)], "Stage IDs": [2]})
    log.submitted(2, 210)
    reasons = [
        {"Reason": "FetchFailed", "Block Manager Address": {"Executor ID": "1", "Host": "h", "Port": 7}, "Shuffle ID": 0, "Map ID": 1, "Reduce ID": 2},
        {"Reason": "ExecutorLostFailure"},
        {"Reason": "TaskKilled"},
        {"Reason": "TaskCommitDenied"},
        {"Reason": "ExceptionFailure", "Class Name": "java.lang.X", "Description": "d", "Stack Trace": [
            {"Declaring Class": "a.B", "Method Name": "c", "File Name": "B.java", "Line Number": 3}]},
    ]
    for index, reason in enumerate(reasons):
        task = log.task(2, index % 2, "2", 220 + index)
        more = {"Killed": True} if reason["Reason"] in ("TaskKilled", "TaskCommitDenied") else {"Failed": True}
        log.task_end(2, task, index % 2, "2", 220 + index, 300 + index, reason, **more)
    log.completed(2, 210, 400)
    log.put("SparkListenerJobEnd", {"Job ID": 1, "Job Result": {"Result": "JobSucceeded"}})
    log.job_end(0, 500)
    return log


def accumulables():
    """Accumulators of users among those of Spark: 11, 12 and 24 and more of them, where the map grows."""
    log = Log(104, "accumulables")
    log.executor("1", 100)
    log.job(0, [0, 1, 2, 3], 200)
    for stage, ids in ((0, range(1349, 1360)), (1, range(1349, 1361)), (2, [*range(1349, 1411)]), (3, [70_000 + 997 * n for n in range(30)] + [5_000_000_007, 17])):
        shown = [{"ID": i, "Name": f"a{i}", "Value": str(i), "Internal": i % 3 == 0 and i > 20, "Count Failed Values": True} for i in ids]
        log.submitted(stage, 210)
        log.completed(stage, 210, 290, Accumulables=shown)
    log.job_end(0, 300)
    return log


def executors_again():
    """An executor that comes back with cores, one whose block manager does, and work that was given back."""
    log = Log(105, "executors again")
    for executor in "123":
        log.executor(executor, 100)
    log.job(0, [0], 200)
    log.submitted(0, 210)
    tasks = [log.task(0, n, executor, 220) for n, executor in ((0, "1"), (1, "2"))]
    log.task_end(0, tasks[0], 0, "1", 220, 300)
    log.task_end(0, tasks[1], 1, "2", 220, 310)
    log.removed("1", 400, "Executor heartbeat timed out after 121000 ms")
    log.task_end(0, tasks[0], 0, "1", 220, 300, {"Reason": "Resubmitted"})
    log.removed("2", 410, "worker lost")
    log.block_manager("2", 420)
    log.executor("1", 430, cores=4)
    again = log.task(0, 0, "1", 440)
    log.task_end(0, again, 0, "1", 440, 500)
    log.task_end(0, tasks[1], 1, "2", 220, 310, {"Reason": "Resubmitted"})
    again = log.task(0, 1, "3", 510)
    log.task_end(0, again, 1, "3", 510, 600)
    log.completed(0, 210, 610)
    log.job_end(0, 620)
    return log


def main():
    folder = Path(sys.argv[1])
    for make in (after_the_end, shared_stages, absent_fields, accumulables, executors_again):
        make().write(folder)


if __name__ == "__main__":
    main()
