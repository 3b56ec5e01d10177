import type { Stage } from '../../src/api/stages';

/** Answers of Spark's own API that the pages do not ask for. */

export interface ExecutorOfStage {
  /** Sum of task durations. */
  taskTime: number;
  failedTasks: number;
  succeededTasks: number;
  killedTasks: number;
  inputBytes: number;
  inputRecords: number;
  outputBytes: number;
  outputRecords: number;
  shuffleRead: number;
  shuffleReadRecords: number;
  shuffleWrite: number;
  shuffleWriteRecords: number;
  memoryBytesSpilled: number;
  diskBytesSpilled: number;
  isExcludedForStage: boolean;
}

/** A stage with its executors. */
export type WholeStage = Stage & { executorSummary?: Record<string, ExecutorOfStage> };

type Quantiles = number[];

export interface TaskSummary {
  quantiles: Quantiles;
  duration: Quantiles;
  executorDeserializeTime: Quantiles;
  executorDeserializeCpuTime: Quantiles;
  executorRunTime: Quantiles;
  executorCpuTime: Quantiles;
  resultSize: Quantiles;
  jvmGcTime: Quantiles;
  resultSerializationTime: Quantiles;
  gettingResultTime: Quantiles;
  schedulerDelay: Quantiles;
  peakExecutionMemory: Quantiles;
  memoryBytesSpilled: Quantiles;
  diskBytesSpilled: Quantiles;
  inputMetrics: { bytesRead: Quantiles; recordsRead: Quantiles };
  outputMetrics: { bytesWritten: Quantiles; recordsWritten: Quantiles };
  shuffleReadMetrics: {
    readBytes: Quantiles;
    readRecords: Quantiles;
    remoteBlocksFetched: Quantiles;
    localBlocksFetched: Quantiles;
    fetchWaitTime: Quantiles;
    remoteBytesRead: Quantiles;
    remoteBytesReadToDisk: Quantiles;
  };
  shuffleWriteMetrics: { writeBytes: Quantiles; writeRecords: Quantiles; writeTime: Quantiles };
}
