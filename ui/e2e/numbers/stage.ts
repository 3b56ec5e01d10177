import { expect } from 'vitest';
import type { Executor } from '../../src/api/spark';
import type { Stage, Task, Tasks } from '../../src/api/stages';
import { kindOf } from '../../src/components/badge';
import { type App, ours, pages, spark } from '../places';
import { answer, down, executorsOf, isNew, lasted, moment, overviewOf, progress, stagesOf, sum } from './answers';
import { percent, type Reader, type Row } from './reader';
import type { TaskSummary, WholeStage } from './spark';
import { HEADS, NUMBERS } from './tasks';

/** The pages of a few stages: the largest, those that failed, those that ran again or lost tasks. */
export async function stage(see: Reader, app: App): Promise<void> {
  const ran = (await stagesOf(app)).filter((s) => s.status !== 'SKIPPED' && s.status !== 'PENDING');
  const most = (of: (s: Stage) => number) => down(ran.filter((s) => of(s) > 0), of)[0];
  const some = [most((s) => s.numTasks), most((s) => s.numFailedTasks), most((s) => s.attemptId), most((s) => s.shuffleReadBytes), most((s) => s.numKilledTasks), most((s) => s.diskBytesSpilled), ran.find((s) => s.status === 'ACTIVE')];
  for (const s of new Set(some)) if (s) await one(see, app, s, s.numTasks > MANY ? ORDERS : ORDERS.slice(0, 2));
}

async function one(see: Reader, app: App, { stageId, attemptId }: Stage, orders: readonly string[]): Promise<void> {
  const api = `${spark(app)}/stages/${stageId}/${attemptId}`;
  const [s, tasks, overview] = await Promise.all([answer<WholeStage>(`${api}?details=true&taskStatus=UNKNOWN`), answer<Task[]>(`${api}/taskList?length=100000`), overviewOf(app)]);
  const page = `${pages(app)}/stages/${stageId}/${attemptId}`;
  const executors = Object.entries(s.executorSummary ?? {});
  const taskTime = sum(executors, ([, e]) => e.taskTime);
  const share = (time: number) => (s.executorRunTime > 0 && time <= s.executorRunTime ? [percent(time / s.executorRunTime)] : []);
  const volume = (name: string, bytes: number, records: number): Row => (bytes + records > 0 ? { [name]: [bytes, records] } : {});

  await see.go(`${page}?ecols=id.host.taskTime.mean.tasks.failed.killed.input.output.shuffleRead.shuffleWrite.memorySpilled.diskSpilled&esort=id`);
  await see.facts('Key numbers', {
    Duration: lasted(s.submissionTime, s.completionTime, overview),
    Tasks: progress(s.numCompleteTasks, s.numTasks, 'tasks', [[s.numActiveTasks, 'running'], [s.numFailedTasks, 'failed'], [s.numKilledTasks, 'killed']]),
    'Task time': taskTime,
    'Run time': s.executorRunTime,
    'CPU time': [s.executorCpuTime, ...share(s.executorCpuTime / 1e6)],
    'GC time': [s.jvmGcTime, ...share(s.jvmGcTime)],
    ...volume('Input', s.inputBytes, s.inputRecords),
    ...volume('Output', s.outputBytes, s.outputRecords),
    ...volume('Shuffle read', s.shuffleReadBytes, s.shuffleReadRecords),
    ...volume('Shuffle write', s.shuffleWriteBytes, s.shuffleWriteRecords),
    ...(s.memoryBytesSpilled + s.diskBytesSpilled > 0 && { Spill: [s.diskBytesSpilled, s.memoryBytesSpilled] }),
  });
  if (executors.length > 0) {
    const known = await executorsOf(app);
    const byId = executors.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    await see.table('Executors of the stage', byId.map(([id, e]) => {
      const ended = e.succeededTasks + e.failedTasks + e.killedTasks;
      return {
        Executor: e.isExcludedForStage ? `${id}excluded` : id,
        Host: host(known.find((k) => k.id === id)),
        'Task time': [e.taskTime, percent(taskTime > 0 ? e.taskTime / taskTime : 0)],
        'Mean task': ended > 0 ? Math.round(e.taskTime / ended) : undefined,
        Tasks: ended,
        Failed: e.failedTasks,
        Killed: e.killedTasks,
        Input: e.inputBytes,
        Output: e.outputBytes,
        'Shuffle read': e.shuffleRead,
        'Shuffle write': e.shuffleWrite,
        'Spill (memory)': e.memoryBytesSpilled,
        'Spill (disk)': e.diskBytesSpilled,
      };
    }));
  }
  if (!isNew(stageId, attemptId, tasks)) return;
  if (tasks.some((t) => t.status === 'SUCCESS')) await quantiles(see, api, tasks);
  await list(see, app, { stageId, attemptId }, tasks, orders);
}

/** As the table has it: `removed` if it was before the end. */
const host = (e: Executor | undefined) => (e?.hostPort !== undefined ? `${e.hostPort.replace(/:\d+$/, '')}${e.removeTime === undefined ? '' : ' removed'}` : '–');

/** Quantiles as Spark answers; of durations and delays those of successful tasks, among which Spark counts the others. */
async function quantiles(see: Reader, api: string, tasks: Task[]): Promise<void> {
  const summary = await answer<TaskSummary>(`${api}/taskSummary?quantiles=${HEADS.map(([q]) => q).join(',')}`);
  const successful = tasks.filter((t) => t.status === 'SUCCESS');
  const own = (of: (t: Task) => number | undefined) => {
    const sorted = successful.map((t) => of(t) ?? 0).sort((a, b) => a - b);
    return HEADS.map(([q]) => sorted[Math.min(Math.floor(q * sorted.length), sorted.length - 1)] ?? 0);
  };
  const lines = Object.entries(NUMBERS).flatMap(([title, { id, task, summary: of }]) => {
    const values = id === 'duration' || id === 'schedulerDelay' ? own(task) : of(summary);
    return of(summary).some((v) => v > 0) || values.some((v) => v > 0) ? [{ title, values }] : [];
  });
  await see.table('Quantiles of the tasks', lines.map(({ title, values }) => ({ Metric: title, ...Object.fromEntries(HEADS.map(([, head], at) => [head, values[at]])) })));
}

/** From here on, every order is worth looking at. */
const MANY = 6;

const ORDERS = ['-duration', 'index', 'duration', '-gcTime', '-shuffleRead', '-cpuTime', 'launchTime', '-inputRecords', 'executorId', '-taskId'];

async function list(see: Reader, app: App, { stageId, attemptId }: Pick<Stage, 'stageId' | 'attemptId'>, tasks: Task[], orders: readonly string[]): Promise<void> {
  const byId = new Map(tasks.map((t) => [t.taskId, t]));
  const columns = ['index', 'status', 'executorId', 'host', 'launchTime', 'locality', ...Object.values(NUMBERS).map(({ id }) => id), 'taskId', 'attempt'].join('.');
  const shows = async (query: string, wanted: (t: Task) => boolean) => {
    const { tasks: order, filtered } = await answer<Tasks>(`${ours(app)}/stages/${stageId}/${attemptId}/tasks?${query}&length=200`);
    expect(filtered, query).toBe(tasks.filter(wanted).length);
    // The order is of one API, the numbers are of the other.
    const rows = order.map(({ taskId }) => byId.get(taskId)).filter((t) => t !== undefined);
    ordered(query, rows);
    await see.go(`${pages(app)}/stages/${stageId}/${attemptId}?view=tasks&${query}&cols=${columns}`);
    await see.table('Tasks of the stage', rows.map(row));
  };
  for (const sort of orders) await shows(`sort=${sort}`, () => true);
  for (const status of new Set(tasks.map((t) => t.status))) await shows(`sort=-duration&status=${encodeURIComponent(status)}`, (t) => t.status === status);
  const executor = tasks[0]?.executorId;
  if (executor !== undefined) await shows(`sort=index&executor=${encodeURIComponent(executor)}`, (t) => t.executorId === executor);
}

const row = (t: Task): Row => ({
  Index: `${t.index}${t.attempt > 0 ? `.${t.attempt}` : ''}${t.speculative ? 'spec' : ''}`,
  Status: kindOf(t.status).word,
  Executor: t.executorId,
  Host: t.host,
  Launched: moment(t.launchTime),
  Locality: t.taskLocality,
  ...Object.fromEntries(Object.entries(NUMBERS).map(([title, { task }]) => [title, task(t)])),
  'Task id': String(t.taskId),
  Attempt: String(t.attempt),
});

/** The order is one by the number that is asked for. */
function ordered(query: string, rows: Task[]): void {
  const [, sign, id] = /sort=(-?)(\w+)/.exec(query) ?? [];
  const of = Object.values(NUMBERS).find((n) => n.id === id)?.task;
  if (!of) return;
  const values = rows.map(of).filter((v) => v !== undefined);
  expect(values, query).toEqual([...values].sort((a, b) => (sign === '-' ? b - a : a - b)));
}
