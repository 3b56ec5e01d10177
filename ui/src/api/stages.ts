/** Jobs, stages and tasks: Spark's REST where it has them, Afterglow's own API (docs/api.md) for the rest. */

import type { AppRef } from '../core/address';
import type { Endpoint } from './client';
import { ofApp as ours } from './ours';
import { ofApp as spark } from './spark';

export type JobStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'UNKNOWN';
export type StageStatus = 'ACTIVE' | 'COMPLETE' | 'FAILED' | 'PENDING' | 'SKIPPED';

export interface Job {
  jobId: number;
  name: string;
  description?: string;
  submissionTime?: string;
  completionTime?: string;
  stageIds: number[];
  jobGroup?: string;
  jobTags: string[];
  status: JobStatus;
  numTasks: number;
  numActiveTasks: number;
  numCompletedTasks: number;
  numSkippedTasks: number;
  numFailedTasks: number;
  numKilledTasks: number;
  numCompletedIndices: number;
  numActiveStages: number;
  numCompletedStages: number;
  numSkippedStages: number;
  numFailedStages: number;
  killedTasksSummary: Record<string, number>;
}

export const jobs = (app: AppRef): Endpoint<Job[]> => spark(app, 'jobs');
export const job = (app: AppRef, id: string): Endpoint<Job> => spark(app, `jobs/${encodeURIComponent(id)}`);

export interface Accumulator {
  id: number;
  name?: string;
  update?: string;
  value?: string;
}

/** A stage attempt. Times of CPU and shuffle writes are nanoseconds, all others milliseconds. */
export interface Stage {
  status: StageStatus;
  stageId: number;
  attemptId: number;
  numTasks: number;
  numActiveTasks: number;
  numCompleteTasks: number;
  numFailedTasks: number;
  numKilledTasks: number;
  numCompletedIndices: number;
  submissionTime?: string;
  firstTaskLaunchedTime?: string;
  completionTime?: string;
  failureReason?: string;
  executorDeserializeTime: number;
  executorDeserializeCpuTime: number;
  executorRunTime: number;
  executorCpuTime: number;
  resultSize: number;
  jvmGcTime: number;
  resultSerializationTime: number;
  memoryBytesSpilled: number;
  diskBytesSpilled: number;
  peakExecutionMemory: number;
  inputBytes: number;
  inputRecords: number;
  outputBytes: number;
  outputRecords: number;
  shuffleFetchWaitTime: number;
  shuffleRemoteBytesRead: number;
  shuffleLocalBytesRead: number;
  shuffleReadBytes: number;
  shuffleReadRecords: number;
  shuffleWriteBytes: number;
  shuffleWriteTime: number;
  shuffleWriteRecords: number;
  name: string;
  description?: string;
  /** The call stack. */
  details: string;
  schedulingPool: string;
  rddIds: number[];
  accumulatorUpdates: Accumulator[];
  /** Added from Afterglow's list of the stage's executors. */
  executors?: ExecutorRow[];
  speculation?: Speculation;
  killedTasksSummary: Record<string, number>;
  resourceProfileId: number;
  isShufflePushEnabled: boolean;
  shuffleMergersCount: number;
}

export const stages = (app: AppRef): Endpoint<Stage[]> => spark(app, 'stages', { details: false });

/** The attempts of a stage. */
export const stageAttempts = (app: AppRef, stage: number | string): Endpoint<Stage[]> =>
  spark(app, `stages/${encodeURIComponent(stage)}`, { details: false });

/** Why the skew of a stage is not known. */
export type SkewUnknown = 'skipped' | 'notStarted' | 'noneSucceeded' | 'oneTask' | 'noTime';

/** Numbers of a stage attempt. Times are milliseconds, sizes bytes. */
export interface StageNumbers {
  tasks: number;
  failedTasks: number;
  killedTasks: number;
  inputBytes: number;
  inputRecords: number;
  outputBytes: number;
  outputRecords: number;
  shuffleReadBytes: number;
  shuffleReadRecords: number;
  shuffleWriteBytes: number;
  shuffleWriteRecords: number;
  memorySpilled: number;
  diskSpilled: number;
  runTime: number;
  cpuTime: number;
  gcTime: number;
}

/** A stage attempt in the list of the application. */
export interface StageRow extends StageNumbers {
  stage: number;
  attempt: number;
  name: string;
  description?: string;
  status: StageStatus;
  pool: string;
  submitTime?: number;
  firstTaskTime?: number;
  endTime?: number;
  duration?: number;
  activeTasks: number;
  completedTasks: number;
  /** Of successful tasks. */
  medianTask?: number;
  longestTask?: number;
  /** The longest over the median. */
  skew: number | null;
  skewUnknown?: SkewUnknown;
  jobs: number[];
  error?: string;
}

export interface StageRows {
  total: number;
  /** That the filters let through. */
  filtered: number;
  /** Counted without the filter of statuses. */
  statuses: Partial<Record<StageStatus, number>>;
  /** The highest of each number over all stages. */
  most: StageNumbers & { duration: number };
  stages: StageRow[];
}

export interface StageFilter {
  q?: string | undefined;
  status?: string[] | undefined;
  pool?: string[] | undefined;
}

export const stageList = (app: AppRef, filter: StageFilter, sort: string, offset: number, length: number): Endpoint<StageRows> =>
  ours(app, 'stages', { ...filter, sort, offset, length });

export interface ExecutorRow {
  id: string;
  host?: string;
  hostPort?: string;
  removeTime?: number;
  logs: Record<string, string>;
  /** Sum of task durations. */
  taskTime: number;
  succeededTasks: number;
  failedTasks: number;
  killedTasks: number;
  inputBytes: number;
  inputRecords: number;
  outputBytes: number;
  outputRecords: number;
  shuffleReadBytes: number;
  shuffleReadRecords: number;
  shuffleWriteBytes: number;
  shuffleWriteRecords: number;
  memorySpilled: number;
  diskSpilled: number;
  excluded: boolean;
}

export interface Speculation {
  tasks: number;
  activeTasks: number;
  completedTasks: number;
  failedTasks: number;
  killedTasks: number;
}

export interface StageExecutors {
  total: number;
  speculation?: Speculation;
  /** The busiest first. */
  executors: ExecutorRow[];
}

/** What each executor did for a stage attempt. */
export const stageExecutors = (app: AppRef, ref: StageRef, length = 100_000): Endpoint<StageExecutors> =>
  ours(app, `${stagePath(ref)}/executors`, { length });

export interface TaskAt {
  task: number;
  index: number;
  executor: string;
}

/** The numbers of the tasks that succeeded, a value for each quantile. */
export interface StageQuantiles {
  tasks: number;
  quantiles: number[];
  metrics: { name: string; unit: Unit; values: number[]; minAt?: TaskAt; maxAt?: TaskAt }[];
}

export const stageQuantiles = (app: AppRef, ref: StageRef): Endpoint<StageQuantiles> => ours(app, `${stagePath(ref)}/quantiles`);

export interface StageRef {
  stage: string;
  attempt: string;
}

const stagePath = ({ stage, attempt }: StageRef): string => `stages/${encodeURIComponent(stage)}/${encodeURIComponent(attempt)}`;

export type TaskStatus = 'RUNNING' | 'GET RESULT' | 'SUCCESS' | 'FAILED' | 'KILLED' | 'UNKNOWN';
export const TASK_STATUSES: readonly TaskStatus[] = ['SUCCESS', 'FAILED', 'KILLED', 'RUNNING', 'GET RESULT'];

export interface Task {
  taskId: number;
  index: number;
  attempt: number;
  partitionId: number;
  launchTime: string;
  resultFetchStart?: string;
  /** Absent where it is 0. */
  duration?: number;
  executorId: string;
  host: string;
  status: TaskStatus;
  taskLocality: string;
  speculative: boolean;
  accumulatorUpdates: Accumulator[];
  errorMessage?: string;
  taskMetrics?: TaskMetrics;
  executorLogs: Record<string, string>;
  schedulerDelay: number;
  gettingResultTime: number;
}

export interface TaskMetrics {
  executorDeserializeTime: number;
  executorDeserializeCpuTime: number;
  executorRunTime: number;
  executorCpuTime: number;
  resultSize: number;
  jvmGcTime: number;
  resultSerializationTime: number;
  memoryBytesSpilled: number;
  diskBytesSpilled: number;
  peakExecutionMemory: number;
  inputMetrics: { bytesRead: number; recordsRead: number };
  outputMetrics: { bytesWritten: number; recordsWritten: number };
  shuffleReadMetrics: {
    remoteBlocksFetched: number;
    localBlocksFetched: number;
    fetchWaitTime: number;
    remoteBytesRead: number;
    remoteBytesReadToDisk: number;
    localBytesRead: number;
    recordsRead: number;
  };
  shuffleWriteMetrics: { bytesWritten: number; writeTime: number; recordsWritten: number };
}

export interface Tasks {
  /** Of the stage attempt. */
  total: number;
  /** That the filters let through. */
  filtered: number;
  tasks: Task[];
}

export interface TaskFilter {
  status?: string[] | undefined;
  executor?: string[] | undefined;
  q?: string | undefined;
}

export const tasks = (app: AppRef, ref: StageRef, filter: TaskFilter, sort: string, offset: number, length: number): Endpoint<Tasks> =>
  ours(app, `${stagePath(ref)}/tasks`, { ...filter, sort, offset, length });

export type Unit = 'ms' | 'ns' | 'bytes' | 'count';

export interface Histogram {
  of: string;
  unit: Unit;
  count: number;
  min: number;
  max: number;
  bins: { from: number; to: number; count: number }[];
}

export const histogram = (app: AppRef, ref: StageRef, of: string, bins = 40): Endpoint<Histogram> =>
  ours(app, `${stagePath(ref)}/histogram`, { of, bins });

export interface ScatterPoint {
  x: number;
  y: number;
  task: number;
  index: number;
  status: TaskStatus;
  executor: string;
}

export interface Scatter {
  x: string;
  y: string;
  total: number;
  points: ScatterPoint[];
}

export const scatter = (app: AppRef, ref: StageRef, x: string, y: string, points = 2000): Endpoint<Scatter> =>
  ours(app, `${stagePath(ref)}/scatter`, { x, y, points });

export const PHASES = [
  'schedulerDelay', 'deserialize', 'compute', 'gc', 'shuffleRead', 'shuffleWrite', 'resultSerialization', 'gettingResult',
] as const;
export type Phase = (typeof PHASES)[number];

export interface TimedTask {
  task: number;
  index: number;
  attempt: number;
  launch: number;
  finish: number;
  status: TaskStatus;
  phases: Record<Phase, number>;
}

export interface StageTimeline {
  start: number;
  end: number;
  /** Tasks of the attempt; the lanes may have fewer. */
  total: number;
  lanes: { executor: string; host: string; tasks: TimedTask[] }[];
}

export const stageTimeline = (app: AppRef, ref: StageRef, length: number): Endpoint<StageTimeline> =>
  ours(app, `${stagePath(ref)}/timeline`, { length });

export interface StageGraph {
  operators: { id: string; name: string; rdds: GraphRdd[] }[];
  /** Between RDDs. */
  edges: { from: number; to: number }[];
  parents: { stage: number }[];
}

export interface GraphRdd {
  id: number;
  name: string;
  callSite: string;
  cached: boolean;
  barrier: boolean;
}

export const stageGraph = (app: AppRef, ref: StageRef): Endpoint<StageGraph> => ours(app, `${stagePath(ref)}/graph`);

export interface TimedJob {
  id: number;
  name: string;
  description?: string;
  status: JobStatus;
  submitTime?: number;
  endTime?: number;
  stages: number[];
  skippedStages: number[];
  sql?: number;
}

export interface TimedStage {
  stage: number;
  attempt: number;
  name: string;
  status: StageStatus;
  submitTime?: number;
  firstTaskTime?: number;
  endTime?: number;
  tasks: number;
  failedTasks: number;
  parents: number[];
  jobs: number[];
}

export interface JobsTimeline {
  jobs: TimedJob[];
  stages: TimedStage[];
}

export const jobsTimeline = (app: AppRef): Endpoint<JobsTimeline> => ours(app, 'jobs/timeline');
