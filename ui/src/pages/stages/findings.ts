import type { Stage, Task } from '../../api/stages';
import { bytes, count, counted, duration, percent } from '../../core/format';
import { cause } from './cause';
import { cpuShare, gcShare } from './lengths';
import { type Measure, measured, quantile, show, type TaskSummary } from './measures';
import { concentration, skewOf, times } from './skew';

/** What stands out in a stage, in words with numbers. Pure: numbers in, sentences out. */

export interface Finding {
  tone: 'warn' | 'fail' | 'info';
  text: string;
  /** What it comes from, or what to do. */
  more?: string;
  /** Where to look: parameters of the stage's address. */
  look?: { text: string; query: Record<string, string> };
}

interface Known {
  stage: Stage;
  summary?: TaskSummary | undefined;
  /** The longest first. */
  slowest?: readonly Task[] | undefined;
  /** For data measures: the largest first. */
  largest?: { of: Measure; tasks: readonly Task[] } | undefined;
}

export function findings({ stage, summary, slowest, largest }: Known): Finding[] {
  return [
    ...failures(stage),
    ...(summary ? slowTasks(stage, summary, slowest) : []),
    ...(largest ? heldByFew(stage, largest.of, largest.tasks) : []),
    ...executors(stage),
    ...(summary ? shortTasks(stage, summary) : []),
    ...resources(stage),
    ...speculation(stage),
  ];
}

/** Said where nothing stands out, with the number that shows it. */
export function evenly(stage: Stage, summary: TaskSummary | undefined): string {
  const found = summary && skewOf(summary, measured('duration'));
  if (!found || stage.numTasks < 2) return 'Nothing stands out.';
  return `Nothing stands out: the slowest task took ${times(found.ratio)} times the median (${duration(found.max)} against ${duration(found.median)}).`;
}

function slowTasks(stage: Stage, summary: TaskSummary, slowest: readonly Task[] = []): Finding[] {
  const found = skewOf(summary, measured('duration'));
  if (!found || found.level === 'even' || stage.numTasks < 2) return [];
  const task = slowest.find((t) => t.status === 'SUCCESS');
  const text = `The slowest task took ${times(found.ratio)} times the median: ${duration(found.max)} against ${duration(found.median)}.`;
  const why = task && cause(task, stage, summary, found);
  return [
    {
      tone: 'warn',
      text,
      ...(why && { more: why }),
      look: task ? { text: `Task ${task.index}`, query: { view: 'tasks', sort: '-duration', task: String(task.taskId) } } : { text: 'Slowest tasks', query: { view: 'tasks', sort: '-duration' } },
    },
  ];
}

function heldByFew(stage: Stage, of: Measure, largest: readonly Task[]): Finding[] {
  const total = of.ofStage?.(stage) ?? 0;
  const few = concentration(largest.map((t) => of.ofTask(t) ?? 0), total, stage.numTasks);
  if (!few) return [];
  const held = largest.slice(0, few.tasks).reduce((sum, t) => sum + (of.ofTask(t) ?? 0), 0);
  const who = few.tasks === 1 ? `One of ${count(stage.numTasks)} tasks holds` : `${few.tasks} of ${count(stage.numTasks)} tasks hold`;
  return [
    {
      tone: 'warn',
      text: `${who} ${percent(few.share)} of the ${of.title.toLowerCase()}: ${show(of.unit, held)} of ${show(of.unit, total)}.`,
      more: 'Some keys or files are much larger than others. AQE can split skewed join partitions (spark.sql.adaptive.skewJoin.enabled); salting the key helps elsewhere.',
      look: { text: 'Largest tasks', query: { view: 'tasks', sort: `-${of.id}` } },
    },
  ];
}

function failures({ numFailedTasks, numKilledTasks, killedTasksSummary, executors: ran = [] }: Stage): Finding[] {
  const found: Finding[] = [];
  if (numFailedTasks > 0) {
    const hit = ran.filter((e) => e.failedTasks > 0).sort((a, b) => b.failedTasks - a.failedTasks);
    const all = ran.length;
    const [worst] = hit;
    const where = hit.length === 1 && worst && all > 1 ? `, all on executor ${worst.id} of ${all}` : hit.length > 1 ? `, on ${hit.length} of ${counted(all, 'executor')}` : '';
    found.push({ tone: 'fail', text: `${counted(numFailedTasks, 'task attempt')} failed${where}.`, look: { text: 'Failed tasks', query: { view: 'tasks', status: 'FAILED' } } });
  }
  if (numKilledTasks > 0) {
    const reasons = Object.entries(killedTasksSummary).map(([why, n]) => `${why || 'no reason given'} (${count(n)})`);
    found.push({
      tone: 'info',
      text: `${counted(numKilledTasks, 'task attempt')} ${numKilledTasks === 1 ? 'was' : 'were'} killed${reasons.length ? `: ${reasons.join('; ')}` : ''}.`,
      look: { text: 'Killed tasks', query: { view: 'tasks', status: 'KILLED' } },
    });
  }
  return found;
}

function executors({ executors: ran = [] }: Stage): Finding[] {
  const all = ran.map((e) => ({ id: e.id, time: e.taskTime, tasks: e.succeededTasks + e.failedTasks + e.killedTasks, excluded: e.excluded }));
  const found: Finding[] = [];
  const excluded = all.filter((e) => e.excluded);
  if (excluded.length > 0) {
    found.push({ tone: 'warn', text: `${excluded.length === 1 ? 'Executor' : 'Executors'} ${excluded.map((e) => e.id).join(', ')} ${excluded.length === 1 ? 'was' : 'were'} excluded from this stage after failures.` });
  }
  const total = all.reduce((sum, e) => sum + e.time, 0);
  if (all.length < 2 || total < 5000) return found;
  const [most] = [...all].sort((a, b) => b.time - a.time);
  const fair = 1 / all.length;
  if (most && most.time / total >= Math.max(2 * fair, fair + 0.25)) {
    found.push({
      tone: 'warn',
      text: `Executor ${most.id} took ${percent(most.time / total)} of the task time, though ${count(all.length)} executors worked.`,
      look: { text: 'Its tasks', query: { view: 'tasks', executor: most.id } },
    });
  }
  const rated = all.filter((e) => e.tasks >= 3).map((e) => ({ ...e, mean: e.time / e.tasks })).sort((a, b) => a.mean - b.mean);
  const slow = rated[rated.length - 1];
  const middle = rated[Math.floor((rated.length - 1) / 2)];
  if (rated.length >= 3 && slow && middle && middle.mean > 0 && slow.mean >= 500 && slow.mean / middle.mean >= 2) {
    found.push({
      tone: 'warn',
      text: `Executor ${slow.id} was slow: ${duration(Math.round(slow.mean))} a task, ${times(slow.mean / middle.mean)} times the middle of the executors (${duration(Math.round(middle.mean))}).`,
      look: { text: 'Its tasks', query: { view: 'tasks', executor: slow.id, sort: '-duration' } },
    });
  }
  return found;
}

function shortTasks(stage: Stage, summary: TaskSummary): Finding[] {
  const run = quantile(summary, measured('runTime'), 0.5);
  const wall = quantile(summary, measured('duration'), 0.5);
  if (run === undefined || wall === undefined || stage.numTasks < 200 || wall > 200 || wall <= 0) return [];
  return [
    {
      tone: 'info',
      text: `The tasks are very short: half of ${count(stage.numTasks)} took at most ${duration(wall)}, of which ${duration(run)} was run time.`,
      more: 'Fewer, larger partitions cost less to schedule.',
    },
  ];
}

function resources(s: Stage): Finding[] {
  const found: Finding[] = [];
  const run = s.executorRunTime;
  if (run >= 1000) {
    const gc = gcShare(s) ?? 0;
    if (gc >= 0.1) found.push({ tone: 'warn', text: `Garbage collection took ${percent(gc)} of the run time (${duration(s.jvmGcTime)} of ${duration(run)}).`, more: 'More memory an executor, fewer cores in it, or fewer objects a record.' });
    const wait = s.shuffleFetchWaitTime / run;
    if (wait >= 0.2) found.push({ tone: 'warn', text: `Tasks waited for shuffle blocks for ${percent(wait)} of the run time (${duration(s.shuffleFetchWaitTime)} of ${duration(run)}).` });
    const cpu = cpuShare(s) ?? 1;
    if (run >= 5000 && cpu < 0.3) found.push({ tone: 'info', text: `The JVM used a processor for ${percent(cpu)} of the run time.`, more: 'The rest is waiting: storage, network, other processes on the host, or Python workers, whose processor time Spark does not count.' });
  }
  if (s.diskBytesSpilled > 0) {
    found.push({ tone: 'warn', text: `Tasks spilled ${bytes(s.diskBytesSpilled)} to disk (${bytes(s.memoryBytesSpilled)} in memory).`, more: 'Their data did not fit into execution memory: more partitions or more memory for each task.', look: { text: 'Tasks that spilled', query: { view: 'tasks', sort: '-diskSpilled' } } });
  }
  return found;
}

function speculation({ speculation: s }: Stage): Finding[] {
  if (!s || s.tasks === 0) return [];
  const rest = [
    s.completedTasks > 0 && `${count(s.completedTasks)} finished first`,
    s.killedTasks > 0 && `${count(s.killedTasks)} ${s.killedTasks === 1 ? 'was' : 'were'} killed`,
    s.failedTasks > 0 && `${count(s.failedTasks)} failed`,
    s.activeTasks > 0 && `${count(s.activeTasks)} still ${s.activeTasks === 1 ? 'runs' : 'run'}`,
  ].filter(Boolean);
  return [{ tone: 'info', text: `${counted(s.tasks, 'speculative copy', 'speculative copies')} of slow tasks ${s.tasks === 1 ? 'was' : 'were'} launched: ${rest.join(', ') || 'no news of them'}.` }];
}
