import { sparkTime } from '../../api/spark';
import type { Stage, Task } from '../../api/stages';
import { percent } from '../../core/format';
import { measured, quantile, show, type TaskSummary } from './measures';
import { MATTERS, SEVERE, type Skew, times } from './skew';

const DATA = ['inputSize', 'shuffleRead', 'shuffleWrite', 'outputSize', 'inputRecords', 'shuffleReadRecords'];

/** Why one task is slower than the others, by its own metrics. */
export function cause(task: Task, stage: Stage, summary: TaskSummary, found: Skew): string | undefined {
  const m = task.taskMetrics;
  const whole = task.duration ?? 0;
  if (!m || whole <= 0) return undefined;
  const shares: [number, (share: string) => string][] = [
    [task.schedulerDelay / whole, (s) => `${s} of it was scheduler delay: it waited, it did not work.`],
    [m.executorDeserializeTime / whole, (s) => `${s} of it went into deserialization: the first task of an executor loads its classes, or the closure is large.`],
    [m.jvmGcTime / whole, (s) => `${s} of it was garbage collection: its executor was short of memory.`],
    [m.shuffleReadMetrics.fetchWaitTime / whole, (s) => `For ${s} of it, it waited for shuffle blocks of other executors.`],
    [m.shuffleWriteMetrics.writeTime / 1e6 / whole, (s) => `${s} of it was writing shuffle files.`],
  ];
  const main = shares.find(([share]) => share >= 0.5);
  if (main) return main[1](percent(main[0]));
  const data = DATA.map(measured)
    .map((of) => {
      const median = quantile(summary, of, 0.5) ?? 0;
      const value = of.ofTask(task) ?? 0;
      return { of, median, value, ratio: median > 0 ? value / median : value >= MATTERS[of.unit] ? Infinity : 0 };
    })
    .sort((a, b) => b.ratio - a.ratio)[0];
  if (data && data.ratio >= Math.max(2, Math.min(found.ratio / 3, SEVERE))) {
    const what = data.of.title.toLowerCase();
    const numbers = `${show(data.of.unit, data.value)}${data.of.unit === 'count' ? '' : ' of'} ${what}, the median is ${show(data.of.unit, data.median)}`;
    return `It had ${Number.isFinite(data.ratio) ? `${times(data.ratio)} times the data` : 'nearly all the data'} (${numbers}): the data are skewed.`;
  }
  if (beganWith(task, stage)) return 'It had no more data than others, but was among the first to run: loading classes and starting Python workers is in it.';
  const busy = m.executorCpuTime / 1e6 / Math.max(1, m.executorRunTime);
  if (busy < 0.3) return `It had no more data than others and used the processor for ${percent(busy)} of its run time: it waited, for storage, a service or a Python worker.`;
  return 'It had no more data than others: its records cost more, or its host was slower.';
}

const AT_FIRST_MS = 100;

/** Launched when the stage began, with others after it. */
function beganWith(task: Task, stage: Stage): boolean {
  const began = sparkTime(stage.firstTaskLaunchedTime);
  const ended = sparkTime(stage.completionTime);
  const launched = sparkTime(task.launchTime);
  if (began === undefined || ended === undefined || launched === undefined) return false;
  return launched - began <= AT_FIRST_MS && ended > launched + (task.duration ?? 0) + AT_FIRST_MS;
}
