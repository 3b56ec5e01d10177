import type { Stage, StageQuantiles, Task, Unit } from '../../api/stages';
import * as f from '../../core/format';
import type { HelpKey } from '../../help';

/** The numbers of a task: one list for quantiles, histogram, scatter and the task table, so that names agree. */

export interface Measure {
  /** Its name in Afterglow's API. */
  id: string;
  title: string;
  unit: Unit;
  help?: HelpKey;
  ofTask: (task: Task) => number | undefined;
  /** The sum over the stage, where Spark has it. */
  ofStage?: (stage: Stage) => number;
}

export const MEASURES: readonly Measure[] = [
  { id: 'duration', title: 'Duration', unit: 'ms', ofTask: (t) => t.duration ?? 0 },
  { id: 'runTime', title: 'Run time', unit: 'ms', help: 'executorTime', ofTask: (t) => t.taskMetrics?.executorRunTime, ofStage: (s) => s.executorRunTime },
  { id: 'cpuTime', title: 'CPU time', unit: 'ns', ofTask: (t) => t.taskMetrics?.executorCpuTime, ofStage: (s) => s.executorCpuTime },
  { id: 'gcTime', title: 'GC time', unit: 'ms', help: 'gc', ofTask: (t) => t.taskMetrics?.jvmGcTime, ofStage: (s) => s.jvmGcTime },
  { id: 'schedulerDelay', title: 'Scheduler delay', unit: 'ms', help: 'schedulerDelay', ofTask: (t) => t.schedulerDelay },
  { id: 'deserializeTime', title: 'Deserialization', unit: 'ms', help: 'deserialization', ofTask: (t) => t.taskMetrics?.executorDeserializeTime, ofStage: (s) => s.executorDeserializeTime },
  { id: 'deserializeCpuTime', title: 'Deserialization CPU time', unit: 'ns', help: 'deserialization', ofTask: (t) => t.taskMetrics?.executorDeserializeCpuTime, ofStage: (s) => s.executorDeserializeCpuTime },
  { id: 'fetchWaitTime', title: 'Shuffle read wait', unit: 'ms', help: 'shuffleRead', ofTask: (t) => t.taskMetrics?.shuffleReadMetrics.fetchWaitTime, ofStage: (s) => s.shuffleFetchWaitTime },
  { id: 'shuffleWriteTime', title: 'Shuffle write time', unit: 'ns', help: 'shuffleWrite', ofTask: (t) => t.taskMetrics?.shuffleWriteMetrics.writeTime, ofStage: (s) => s.shuffleWriteTime },
  { id: 'resultSerializationTime', title: 'Result serialization', unit: 'ms', help: 'result', ofTask: (t) => t.taskMetrics?.resultSerializationTime, ofStage: (s) => s.resultSerializationTime },
  { id: 'gettingResultTime', title: 'Getting result', unit: 'ms', help: 'gettingResult', ofTask: (t) => t.gettingResultTime },
  { id: 'inputSize', title: 'Input', unit: 'bytes', ofTask: (t) => t.taskMetrics?.inputMetrics.bytesRead, ofStage: (s) => s.inputBytes },
  { id: 'inputRecords', title: 'Input records', unit: 'count', ofTask: (t) => t.taskMetrics?.inputMetrics.recordsRead, ofStage: (s) => s.inputRecords },
  { id: 'shuffleRead', title: 'Shuffle read', unit: 'bytes', help: 'shuffle', ofTask: shuffleRead, ofStage: (s) => s.shuffleReadBytes },
  { id: 'shuffleReadRecords', title: 'Shuffle read records', unit: 'count', ofTask: (t) => t.taskMetrics?.shuffleReadMetrics.recordsRead, ofStage: (s) => s.shuffleReadRecords },
  { id: 'shuffleRemoteRead', title: 'Remote shuffle read', unit: 'bytes', help: 'shuffle', ofTask: (t) => t.taskMetrics?.shuffleReadMetrics.remoteBytesRead, ofStage: (s) => s.shuffleRemoteBytesRead },
  { id: 'shuffleRemoteBlocks', title: 'Remote shuffle blocks', unit: 'count', help: 'shuffle', ofTask: (t) => t.taskMetrics?.shuffleReadMetrics.remoteBlocksFetched },
  { id: 'shuffleWrite', title: 'Shuffle write', unit: 'bytes', help: 'shuffle', ofTask: (t) => t.taskMetrics?.shuffleWriteMetrics.bytesWritten, ofStage: (s) => s.shuffleWriteBytes },
  { id: 'shuffleWriteRecords', title: 'Shuffle write records', unit: 'count', ofTask: (t) => t.taskMetrics?.shuffleWriteMetrics.recordsWritten, ofStage: (s) => s.shuffleWriteRecords },
  { id: 'outputSize', title: 'Output', unit: 'bytes', ofTask: (t) => t.taskMetrics?.outputMetrics.bytesWritten, ofStage: (s) => s.outputBytes },
  { id: 'outputRecords', title: 'Output records', unit: 'count', ofTask: (t) => t.taskMetrics?.outputMetrics.recordsWritten, ofStage: (s) => s.outputRecords },
  { id: 'memorySpilled', title: 'Spill (memory)', unit: 'bytes', help: 'spill', ofTask: (t) => t.taskMetrics?.memoryBytesSpilled, ofStage: (s) => s.memoryBytesSpilled },
  { id: 'diskSpilled', title: 'Spill (disk)', unit: 'bytes', help: 'spill', ofTask: (t) => t.taskMetrics?.diskBytesSpilled, ofStage: (s) => s.diskBytesSpilled },
  { id: 'peakMemory', title: 'Peak execution memory', unit: 'bytes', help: 'peakMemory', ofTask: (t) => t.taskMetrics?.peakExecutionMemory },
  { id: 'resultSize', title: 'Result size', unit: 'bytes', ofTask: (t) => t.taskMetrics?.resultSize },
];

function shuffleRead({ taskMetrics }: Task): number | undefined {
  return taskMetrics && taskMetrics.shuffleReadMetrics.localBytesRead + taskMetrics.shuffleReadMetrics.remoteBytesRead;
}

const BY_ID = new Map(MEASURES.map((m) => [m.id, m]));

export const measure = (id: string): Measure | undefined => BY_ID.get(id);

export function measured(id: string): Measure {
  const found = BY_ID.get(id);
  if (!found) throw new Error(`there is no measure ${id}`);
  return found;
}

export function show(unit: Unit, value: f.Known): string {
  switch (unit) {
    case 'ms':
      return f.duration(value);
    case 'ns':
      return f.nanos(value);
    case 'bytes':
      return f.bytes(value);
    case 'count':
      return f.count(value);
  }
}

export function exact(unit: Unit, value: f.Known): string {
  switch (unit) {
    case 'ms':
      return f.durationExact(value);
    case 'ns':
      return f.nanosExact(value);
    case 'bytes':
      return f.bytesExact(value);
    case 'count':
      return f.count(value);
  }
}

/** In the narrow places of axes. */
export function brief(unit: Unit, value: number): string {
  return unit === 'count' ? f.compact(value) : show(unit, Math.round(value));
}

/** The quantiles of a stage's successful tasks, by the names of the measures. */
export interface TaskSummary {
  tasks: number;
  quantiles: readonly number[];
  of: ReadonlyMap<string, StageQuantiles['metrics'][number]>;
}

export const summaryOf = ({ tasks, quantiles, metrics }: StageQuantiles): TaskSummary => ({ tasks, quantiles, of: new Map(metrics.map((m) => [m.name, m])) });

export const valuesOf = (summary: TaskSummary, of: Measure): readonly number[] => summary.of.get(of.id)?.values ?? [];

/** The value at a quantile. */
export function quantile(summary: TaskSummary, of: Measure, share: number): number | undefined {
  const at = summary.quantiles.indexOf(share);
  return at === -1 ? undefined : valuesOf(summary, of)[at];
}

/** Measures that say something about a stage: not all zero. */
export function used(summary: TaskSummary): Measure[] {
  return MEASURES.filter((m) => valuesOf(summary, m).some((v) => v > 0));
}
