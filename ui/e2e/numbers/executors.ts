import { expect } from 'vitest';
import type { Completeness } from '../../src/api/ours';
import type { Executor } from '../../src/api/spark';
import { type App, ours, pages, spark } from '../places';
import { answer, executorsOf, executorTimesOf, moment, stagesOf, sum } from './answers';
import { percent, type Reader, type Row } from './reader';
import type { WholeStage } from './spark';

const COLUMNS = 'id.cores.busy.tasks.failed.time.gc.heap.rss.storage.disk.input.shuffleRead.shuffleWrite.idle.removed.profile';

/** Per executor and in sum, from Spark's totals and our times. */
export async function executors(see: Reader, app: App): Promise<void> {
  const [all, times] = await Promise.all([executorsOf(app), executorTimesOf(app)]);
  const others = all.filter((e) => e.id !== 'driver');
  const alone = others.length === 0;
  const works = (e: Executor) => alone || e.id !== 'driver';
  const figures = (e: Executor) => {
    const added = moment(e.addTime);
    const life = added === undefined ? undefined : Math.max(0, (moment(e.removeTime) ?? times.end) - added);
    const offered = (life ?? 0) * e.totalCores;
    const of = times.executors.find(({ id }) => id === e.id);
    const spent = of?.busyTime;
    const known = works(e) && spent !== undefined && offered > 0;
    return {
      life,
      offered,
      busy: known ? Math.min(1, spent / offered) : undefined,
      idle: known ? Math.max(0, offered - spent) : undefined,
      spent: works(e) ? spent : undefined,
      collected: works(e) ? of?.gcTime : e.totalGCTime,
      gc: works(e) && of && of.busyTime > 0 ? of.gcTime / of.busyTime : undefined,
    };
  };
  // What tasks took, of Spark's API too; of the driver that has the length of the application instead, but stages know better.
  for (const e of others) expect([e.id, figures(e).spent, figures(e).collected]).toEqual([e.id, e.totalDuration, e.totalGCTime]);
  const { missingParts } = await answer<Completeness>(`${ours(app)}/completeness`);
  if (alone && !missingParts) for (const e of all) expect(figures(e).spent).toBe(await taskTime(app, e.id));
  const peak = (e: Executor, ...names: string[]) => sum(names, (name) => e.peakMemoryMetrics?.[name] ?? 0) || undefined;
  const row = (e: Executor): Row => {
    const { busy, idle, gc, spent } = figures(e);
    return {
      Executor: e.id,
      Cores: e.totalCores,
      Busy: percent(busy),
      Tasks: e.totalTasks,
      Failed: e.failedTasks,
      'Task time': spent,
      GC: percent(gc),
      'Peak heap': peak(e, 'JVMHeapMemory'),
      'Peak resident': peak(e, 'ProcessTreeJVMRSSMemory', 'ProcessTreePythonRSSMemory', 'ProcessTreeOtherRSSMemory'),
      'Storage memory': e.memoryUsed,
      Disk: e.diskUsed,
      Input: e.totalInputBytes,
      'Shuffle read': e.totalShuffleRead,
      'Shuffle write': e.totalShuffleWrite,
      'Idle cores': idle,
      Removed: moment(e.removeTime),
      Profile: String(e.resourceProfileId),
    };
  };
  await see.go(`${pages(app)}/executors?cols=${COLUMNS}`);
  const byId = [...all].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  await see.table('Executors', byId.map(row));
  if (all.length === 0) return;

  const working = all.filter(works);
  const offered = sum(working, (e) => figures(e).offered);
  const idle = sum(working, (e) => figures(e).idle ?? 0);
  const known = offered > 0 && working.some((e) => figures(e).busy !== undefined);
  const time = sum(working, (e) => figures(e).spent ?? 0);
  await see.facts('Summary', {
    Executors: [working.length, working.filter((e) => e.isActive).length],
    'Cores of all': sum(working, (e) => e.totalCores),
    Busy: percent(known ? 1 - idle / offered : undefined),
    'Idle cores': known ? idle : undefined,
    'Garbage collection': percent(time > 0 ? sum(working, (e) => figures(e).collected ?? 0) / time : undefined),
  });
  for (const e of all) {
    const { life, busy, idle: unused, gc, collected } = figures(e);
    await see.go(`${pages(app)}/executors?executor=${encodeURIComponent(e.id)}`);
    await see.facts(e.id === 'driver' ? 'Driver' : `Executor ${e.id}`, {
      Added: moment(e.addTime),
      'Was there for': life,
      Cores: e.totalCores,
      Busy: percent(busy),
      'Idle cores': unused,
      Tasks: e.totalTasks,
      'Failed tasks': e.failedTasks,
      'Garbage collection': [collected, percent(gc)],
      'Storage memory': e.memoryUsed,
      'RDD blocks': e.rddBlocks,
    });
  }
}

/** As the stages sum it up. */
async function taskTime(app: App, executor: string): Promise<number> {
  const ran = (await stagesOf(app)).filter((s) => s.status !== 'SKIPPED' && s.status !== 'PENDING');
  const detailed = await Promise.all(ran.map((s) => answer<WholeStage>(`${spark(app)}/stages/${s.stageId}/${s.attemptId}?details=true&taskStatus=UNKNOWN`)));
  return sum(detailed, (s) => s.executorSummary?.[executor]?.taskTime ?? 0);
}
