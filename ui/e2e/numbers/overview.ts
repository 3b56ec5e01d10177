import { expect } from 'vitest';
import { kindOf } from '../../src/components/badge';
import { type App, pages } from '../places';
import { executorsOf, jobsOf, overviewOf, stagesOf, sum } from './answers';
import { percent, type Reader } from './reader';

/** The overview, and that its totals are what Spark's lists add up to. */
export async function overview(see: Reader, app: App): Promise<void> {
  const of = await overviewOf(app);
  const { counts, totals, wallClock } = of;
  await see.go(pages(app));
  await see.facts('About this run', {
    Status: kindOf(of.status).word,
    Duration: of.duration,
    ...(of.user !== '' && { User: of.user }),
    Started: of.startTime,
    ...(of.endTime === undefined ? { 'Last event': of.lastEventTime } : { Ended: of.endTime }),
    Log: [of.logSize, of.events],
  });
  const also = (...n: number[]) => n.filter((v) => v > 0);
  const shareOfRun = (v: number) => (totals.runTime > 0 ? [percent(v / totals.runTime)] : []);
  await see.facts('Totals', {
    Jobs: [counts.jobs, ...also(counts.failedJobs)],
    Stages: [counts.stages, ...also(counts.failedStages, counts.skippedStages)],
    Tasks: [counts.tasks, ...also(counts.failedTasks, counts.killedTasks)],
    'SQL executions': [counts.sql, ...also(counts.failedSql)],
    Executors: [counts.executors, ...also(counts.removedExecutors)],
    'Executor time': totals.runTime,
    'CPU time': [totals.cpuTime, ...shareOfRun(totals.cpuTime)],
    'Garbage collection': [totals.gcTime, ...shareOfRun(totals.gcTime)],
    Input: totals.inputBytes,
    Output: totals.outputBytes,
    'Shuffle read': totals.shuffleReadBytes,
    'Shuffle write': totals.shuffleWriteBytes,
    'Spilled, in memory': totals.memorySpilled,
    'Spilled, on disk': totals.diskSpilled,
  });

  // The clock: each part, their sum, and shares that come to 100%.
  expect(sum(wallClock.parts, (p) => p.time)).toBe(wallClock.total);
  expect(wallClock.total).toBe(of.duration);
  const whole = wallClock.total > 0 ? 1 : 0;
  await see.table('Wall-clock time by what it was spent on', [
    ...wallClock.parts.map((p) => ({ 1: percent(p.share), 2: p.time })),
    { 1: percent(whole), 2: wallClock.total },
  ]);
  if (whole) expect(Math.abs(sum(wallClock.parts, (p) => percent(p.share) ?? 0) - 100)).toBeLessThan(0.1);

  if (of.slowestSql.length > 0) await see.table('Slowest SQL executions', of.slowestSql.map((s) => ({ Id: String(s.id), Status: kindOf(s.status).word, Duration: s.duration })));
  if (of.slowestStages.length > 0) {
    await see.table('Slowest stages', of.slowestStages.map((s) => ({ Id: s.attempt > 0 ? `${s.stage}.${s.attempt}` : String(s.stage), Tasks: s.tasks, 'Of the whole': percent(s.share), Duration: s.duration })));
  }
  if (of.attempts.length > 1) await see.table('Attempts', of.attempts.map((a) => ({ Status: kindOf(a.status).word, Started: a.startTime, Duration: a.duration })));
  if (of.previousRuns.length > 0) await see.table('Previous runs of the same name and user', of.previousRuns.map((r) => ({ Started: r.startTime, Status: kindOf(r.status).word, Duration: r.duration })));

  const [jobs, stages, executors] = await Promise.all([jobsOf(app), stagesOf(app), executorsOf(app)]);
  expect({
    jobs: counts.jobs,
    failedJobs: counts.failedJobs,
    stages: counts.stages,
    skipped: counts.skippedStages,
    executors: counts.executors,
    failedTasks: counts.failedTasks,
    runTime: totals.runTime,
    gc: totals.gcTime,
    input: totals.inputBytes,
    written: totals.shuffleWriteBytes,
    spilled: totals.diskSpilled,
  }).toEqual({
    jobs: jobs.length,
    failedJobs: jobs.filter((j) => j.status === 'FAILED').length,
    stages: stages.length,
    skipped: stages.filter((s) => s.status === 'SKIPPED').length,
    executors: executors.filter((e) => e.id !== 'driver').length,
    failedTasks: sum(stages, (s) => s.numFailedTasks),
    runTime: sum(stages, (s) => s.executorRunTime),
    gc: sum(stages, (s) => s.jvmGcTime),
    input: sum(stages, (s) => s.inputBytes),
    written: sum(stages, (s) => s.shuffleWriteBytes),
    spilled: sum(stages, (s) => s.diskBytesSpilled),
  });
}
