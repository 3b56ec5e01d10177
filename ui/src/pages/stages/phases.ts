import type { Phase, Stage, Task } from '../../api/stages';
import type { BarPart } from '../../components/bar';
import type { HelpKey } from '../../help';

/** What tasks spend time on: the same words and colours as in the application's wall-clock bar. */
export const PHASE_LOOKS: Record<Phase, { title: string; color: string; help: HelpKey }> = {
  schedulerDelay: { title: 'Scheduler delay', color: '--c7', help: 'schedulerDelay' },
  deserialize: { title: 'Deserialization', color: '--c4', help: 'deserialization' },
  shuffleRead: { title: 'Shuffle read wait', color: '--c1', help: 'shuffleRead' },
  compute: { title: 'Compute', color: '--c3', help: 'compute' },
  gc: { title: 'Garbage collection', color: '--c6', help: 'gc' },
  shuffleWrite: { title: 'Shuffle write', color: '--c2', help: 'shuffleWrite' },
  resultSerialization: { title: 'Result serialization', color: '--c9', help: 'result' },
  gettingResult: { title: 'Getting result', color: '--c8', help: 'gettingResult' },
};

/** In the order in which Spark draws them. */
export const PHASE_ORDER: readonly Phase[] = [
  'schedulerDelay', 'deserialize', 'shuffleRead', 'compute', 'gc', 'shuffleWrite', 'resultSerialization', 'gettingResult',
];

/** The time of one task by what it was spent on, from what it reported. */
export function phasesOf(task: Task): BarPart[] {
  const m = task.taskMetrics;
  if (!m) return [];
  const read = m.shuffleReadMetrics.fetchWaitTime;
  const write = m.shuffleWriteMetrics.writeTime / 1e6;
  return partsOf({
    schedulerDelay: task.schedulerDelay,
    deserialize: m.executorDeserializeTime,
    shuffleRead: read,
    compute: Math.max(0, m.executorRunTime - m.jvmGcTime - read - write),
    gc: m.jvmGcTime,
    shuffleWrite: write,
    resultSerialization: m.resultSerializationTime,
    gettingResult: task.gettingResultTime,
  });
}

function partsOf(values: Partial<Record<Phase, number>>): BarPart[] {
  return PHASE_ORDER.flatMap((phase) => {
    const value = values[phase];
    const { title, color, help } = PHASE_LOOKS[phase];
    return value === undefined ? [] : [{ name: title, value: Math.round(value), color, help }];
  });
}

/**
 * The task time of a stage by what it was spent on. The whole is what executors were busy with tasks; what no metric
 * explains is scheduler delay and the fetching of results.
 */
export function timeSpent(stage: Stage): BarPart[] {
  const whole = (stage.executors ?? []).reduce((sum, e) => sum + e.taskTime, 0);
  const gc = stage.jvmGcTime;
  const read = stage.shuffleFetchWaitTime;
  const write = stage.shuffleWriteTime / 1e6;
  const compute = Math.max(0, stage.executorRunTime - gc - read - write);
  const known = stage.executorDeserializeTime + read + compute + gc + write + stage.resultSerializationTime;
  return partsOf({
    schedulerDelay: Math.max(0, whole - known),
    deserialize: stage.executorDeserializeTime,
    shuffleRead: read,
    compute,
    gc,
    shuffleWrite: write,
    resultSerialization: stage.resultSerializationTime,
  });
}
