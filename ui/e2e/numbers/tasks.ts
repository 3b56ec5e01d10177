import type { Task } from '../../src/api/stages';
import type { TaskSummary } from './spark';

/** The numbers of tasks by the titles that pages give them. */

type OfTask = (task: Task) => number | undefined;
type OfSummary = (summary: TaskSummary) => number[];

const metric = (of: (m: NonNullable<Task['taskMetrics']>) => number): OfTask => (t) => t.taskMetrics && of(t.taskMetrics);

export const NUMBERS: Record<string, { id: string; task: OfTask; summary: OfSummary }> = {
  Duration: { id: 'duration', task: (t) => t.duration ?? 0, summary: (s) => s.duration },
  'Run time': { id: 'runTime', task: metric((m) => m.executorRunTime), summary: (s) => s.executorRunTime },
  'CPU time': { id: 'cpuTime', task: metric((m) => m.executorCpuTime), summary: (s) => s.executorCpuTime },
  'GC time': { id: 'gcTime', task: metric((m) => m.jvmGcTime), summary: (s) => s.jvmGcTime },
  'Scheduler delay': { id: 'schedulerDelay', task: (t) => t.schedulerDelay, summary: (s) => s.schedulerDelay },
  Deserialization: { id: 'deserializeTime', task: metric((m) => m.executorDeserializeTime), summary: (s) => s.executorDeserializeTime },
  'Deserialization CPU time': { id: 'deserializeCpuTime', task: metric((m) => m.executorDeserializeCpuTime), summary: (s) => s.executorDeserializeCpuTime },
  'Shuffle read wait': { id: 'fetchWaitTime', task: metric((m) => m.shuffleReadMetrics.fetchWaitTime), summary: (s) => s.shuffleReadMetrics.fetchWaitTime },
  'Shuffle write time': { id: 'shuffleWriteTime', task: metric((m) => m.shuffleWriteMetrics.writeTime), summary: (s) => s.shuffleWriteMetrics.writeTime },
  'Result serialization': { id: 'resultSerializationTime', task: metric((m) => m.resultSerializationTime), summary: (s) => s.resultSerializationTime },
  'Getting result': { id: 'gettingResultTime', task: (t) => t.gettingResultTime, summary: (s) => s.gettingResultTime },
  Input: { id: 'inputSize', task: metric((m) => m.inputMetrics.bytesRead), summary: (s) => s.inputMetrics.bytesRead },
  'Input records': { id: 'inputRecords', task: metric((m) => m.inputMetrics.recordsRead), summary: (s) => s.inputMetrics.recordsRead },
  'Shuffle read': { id: 'shuffleRead', task: metric((m) => m.shuffleReadMetrics.localBytesRead + m.shuffleReadMetrics.remoteBytesRead), summary: (s) => s.shuffleReadMetrics.readBytes },
  'Shuffle read records': { id: 'shuffleReadRecords', task: metric((m) => m.shuffleReadMetrics.recordsRead), summary: (s) => s.shuffleReadMetrics.readRecords },
  'Remote shuffle read': { id: 'shuffleRemoteRead', task: metric((m) => m.shuffleReadMetrics.remoteBytesRead), summary: (s) => s.shuffleReadMetrics.remoteBytesRead },
  'Remote shuffle blocks': { id: 'shuffleRemoteBlocks', task: metric((m) => m.shuffleReadMetrics.remoteBlocksFetched), summary: (s) => s.shuffleReadMetrics.remoteBlocksFetched },
  'Shuffle write': { id: 'shuffleWrite', task: metric((m) => m.shuffleWriteMetrics.bytesWritten), summary: (s) => s.shuffleWriteMetrics.writeBytes },
  'Shuffle write records': { id: 'shuffleWriteRecords', task: metric((m) => m.shuffleWriteMetrics.recordsWritten), summary: (s) => s.shuffleWriteMetrics.writeRecords },
  Output: { id: 'outputSize', task: metric((m) => m.outputMetrics.bytesWritten), summary: (s) => s.outputMetrics.bytesWritten },
  'Output records': { id: 'outputRecords', task: metric((m) => m.outputMetrics.recordsWritten), summary: (s) => s.outputMetrics.recordsWritten },
  'Spill (memory)': { id: 'memorySpilled', task: metric((m) => m.memoryBytesSpilled), summary: (s) => s.memoryBytesSpilled },
  'Spill (disk)': { id: 'diskSpilled', task: metric((m) => m.diskBytesSpilled), summary: (s) => s.diskBytesSpilled },
  'Peak execution memory': { id: 'peakMemory', task: metric((m) => m.peakExecutionMemory), summary: (s) => s.peakExecutionMemory },
  'Result size': { id: 'resultSize', task: metric((m) => m.resultSize), summary: (s) => s.resultSize },
};

export const HEADS: [quantile: number, title: string][] = [[0, 'Min'], [0.05, '5%'], [0.25, '25%'], [0.5, 'Median'], [0.75, '75%'], [0.95, '95%'], [0.99, '99%'], [1, 'Max']];
