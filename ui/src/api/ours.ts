/** Afterglow's own API: docs/api.md. Times are epoch milliseconds, durations milliseconds, sizes bytes. */

import type { AppRef } from '../core/address';
import { type Endpoint, endpoint, type Params } from './client';

const ROOT = '/api/afterglow/v1';

/** The address of something of one attempt. */
export function ofApp<T>({ cluster, id, attempt }: AppRef, rest: string, params?: Params): Endpoint<T> {
  const parts = ['clusters', cluster, 'applications', id, ...(attempt === undefined ? [] : [attempt])].map(encodeURIComponent);
  return endpoint<T>(`${ROOT}/${parts.join('/')}/${rest}`, params);
}

export type AppStatus = 'running' | 'completed' | 'failed' | 'killed' | 'lost' | 'unknown';

export interface ApplicationRow {
  cluster: string;
  id: string;
  attemptId?: string;
  name: string;
  user: string;
  queue?: string;
  status: AppStatus;
  startTime: number;
  endTime?: number;
  lastEventTime: number;
  duration: number;
  sparkVersion: string;
  labels: Record<string, string>;
  damaged: boolean;
  logSize: number;
  tasks: number;
  failedTasks: number;
  executorTime: number;
  error?: string;
  /** How many of each severity; absent until the application was judged. */
  findings?: { critical: number; warning: number; info: number };
}

export interface ApplicationFilter {
  q?: string | undefined;
  cluster?: string[] | undefined;
  user?: string[] | undefined;
  queue?: string[] | undefined;
  status?: string[] | undefined;
  version?: string[] | undefined;
  label?: string[] | undefined;
  /** The severest. */
  findings?: string[] | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

export interface Applications {
  total: number;
  applications: ApplicationRow[];
}

export function applications(filter: ApplicationFilter, sort: string, offset: number, length: number): Endpoint<Applications> {
  return endpoint(`${ROOT}/applications`, { ...filter, sort, offset, length });
}

export interface FacetValue {
  value: string;
  count: number;
}

export const FACETS = ['status', 'findings', 'cluster', 'user', 'queue', 'version', 'label'] as const;
export type Facet = (typeof FACETS)[number];
export type Facets = Record<Facet, FacetValue[]>;

export const facets = (filter: ApplicationFilter): Endpoint<Facets> => endpoint(`${ROOT}/applications/facets`, { ...filter });

export interface Overview {
  cluster: string;
  id: string;
  attemptId?: string;
  name: string;
  user: string;
  queue?: string;
  status: AppStatus;
  sparkVersion: string;
  startTime: number;
  endTime?: number;
  duration: number;
  lastEventTime: number;
  logSize: number;
  events: number;
  labels: Record<string, string>;
  /** `line` is the one that says what went wrong, out of all of `text`. */
  error?: { line?: string; text: string; where: { stage?: number; attempt?: number; job?: number; sql?: number } };
  counts: {
    jobs: number;
    failedJobs: number;
    stages: number;
    failedStages: number;
    skippedStages: number;
    tasks: number;
    failedTasks: number;
    killedTasks: number;
    sql: number;
    failedSql: number;
    executors: number;
    removedExecutors: number;
    queries: number;
  };
  totals: {
    inputBytes: number;
    outputBytes: number;
    shuffleReadBytes: number;
    shuffleWriteBytes: number;
    memorySpilled: number;
    diskSpilled: number;
    runTime: number;
    /** Milliseconds here, unlike Spark's. */
    cpuTime: number;
    gcTime: number;
  };
  wallClock: { total: number; parts: WallClockPart[]; notes: string[] };
  slowestSql: { id: number; description: string; duration: number; status: string }[];
  slowestStages: { stage: number; attempt: number; name: string; duration: number; tasks: number; share: number }[];
  attempts: { attemptId: string; status: AppStatus; startTime: number; duration: number }[];
  previousRuns: OtherRun[];
  /** The run that this one tries again, because its driver was lost. */
  retryOf?: OtherRun;
  retriedBy?: OtherRun;
  uses: Used[];
  /** The job run of Amazon EMR on EKS that it is. */
  jobRun?: { id: string; virtualCluster?: string };
}

export interface OtherRun {
  id: string;
  attemptId?: string;
  status: AppStatus;
  startTime: number;
  duration: number;
}

/** What an application uses beside Spark, and the setting by which that is known. */
export interface Used {
  kind: string;
  name: string;
  detail?: string;
  setting: string;
}

export interface WallClockPart {
  name: string;
  time: number;
  share: number;
}

export const overview = (app: AppRef): Endpoint<Overview> => ofApp(app, 'overview');

export type RemovalClass = 'decommission' | 'nodeLoss' | 'outOfMemory' | 'idle' | 'driverExit' | 'killed' | 'heartbeat' | 'other';

export interface ExecutorSpan {
  id: string;
  host: string;
  cores: number;
  addTime: number;
  removeTime?: number;
  reason?: string;
  class?: RemovalClass;
  busyTime: number;
  gcTime: number;
  maxMemory: number;
  peaks?: Record<string, number>;
}

export interface ExecutorsTimeline {
  start: number;
  end: number;
  executors: ExecutorSpan[];
  /** Over steps that begin at `time`: averages, milliseconds that ended tasks spent, and their share of collection. */
  series: { time: number[]; executors: number[]; cores: number[]; runningTasks: number[]; runTime: number[]; gcTime: number[]; gcShare: Values };
}

export const executorsTimeline = (app: AppRef, points = 500): Endpoint<ExecutorsTimeline> =>
  ofApp(app, 'executors/timeline', { points });

/** How often and how long, milliseconds. */
export interface Pauses {
  count: number;
  total: number;
  longest: number;
}

/** What the logs of a container tell of its JVM. */
export interface ContainerPauses {
  container: string;
  role?: 'driver' | 'executor';
  executor?: string;
  host?: string;
  collector?: string;
  /** Milliseconds that the garbage collector's log spans. */
  uptime?: number;
  pauses?: Pauses;
  share?: number;
  concurrentCycles?: number;
  stalls?: Pauses;
  /** What Hadoop's monitor noticed. */
  monitor?: Pauses;
  warnings: string[];
}

export interface JvmPauses {
  known: boolean;
  /** What to do so that they are known. */
  why?: string;
  total: number;
  containers: ContainerPauses[];
}

export const containerPauses = (app: AppRef, offset = 0, length = 100): Endpoint<JvmPauses> => ofApp(app, 'pauses', { offset, length });

export interface StorageTimeline {
  known: boolean;
  /** What to do so that it is known. */
  why?: string;
  /** Bytes of all executors at the end of each step in which they changed, and what was evicted in it. */
  series?: { step: number; time: number[]; memory: number[]; disk: number[]; evicted: number[]; evictedBytes: number[] };
}

export const storageTimeline = (app: AppRef): Endpoint<StorageTimeline> => ofApp(app, 'storage/timeline');

/** What the log lacks; nothing is set for a log that lacks nothing. */
export interface Completeness {
  damagedLines?: number;
  damagedBlocks?: number;
  mendedLines?: number;
  firstDamage?: unknown;
  tornTail?: boolean;
  missingParts?: number[];
  compacted?: boolean;
  noApplicationStart?: boolean;
  taskEndsWithoutStart?: number;
  tasksWithoutEnd?: number;
  jobsWithoutEnd?: number;
  unknownEvents?: Record<string, number>;
}

export const completeness = (app: AppRef): Endpoint<Completeness> => ofApp(app, 'completeness');

export interface Source {
  cluster: string;
  url: string;
  kind: 'event-logs' | 'container-logs';
  healthy: boolean;
  problem?: string;
  lastScan?: number;
  lastSuccess?: number;
  objects: number;
  logs: number;
  passedBy: number;
}

export const sources = (): Endpoint<Source[]> => endpoint(`${ROOT}/sources`);

/** A process that indexes into the store. */
export interface Indexer {
  role: string;
  host: string;
  pid: number;
  since: number;
  expires: number;
  claims: number;
}

export const indexers = (): Endpoint<Indexer[]> => endpoint(`${ROOT}/sources/indexers`);

export interface Problem {
  cluster: string;
  source: string;
  log: string;
  problem: string;
  /** null where nothing of it is served. */
  appId: string | null;
  attemptId: string | null;
}

export interface Problems {
  total: number;
  problems: Problem[];
}

export const problems = (offset: number, length: number): Endpoint<Problems> =>
  endpoint(`${ROOT}/sources/problems`, { offset, length });

/** Defaults of Spark's settings; `version` names the Spark they are of. */
export const settingsDefaults = (version: string): Endpoint<Record<string, string>> =>
  endpoint(`${ROOT}/settings/defaults`, { version });

export type SqlStatus = 'RUNNING' | 'COMPLETED' | 'FAILED';

export interface SqlRow {
  id: number;
  /** Differs from `id` for an execution that another one started. */
  rootId: number;
  description: string;
  status: SqlStatus;
  submitTime: number;
  duration: number;
  jobs: number[];
  failedJobs: number;
  stages: number;
  error?: string;
}

export interface SqlRows {
  total: number;
  sql: SqlRow[];
}

export interface SqlFilter {
  status?: string[] | undefined;
  q?: string | undefined;
}

export const sqlExecutions = (app: AppRef, filter: SqlFilter, sort: string, offset: number, length: number): Endpoint<SqlRows> =>
  ofApp(app, 'sql', { ...filter, sort, offset, length });

export type SqlMetricType = 'sum' | 'size' | 'timing' | 'nsTiming' | 'average';

export interface SqlMetric {
  name: string;
  type: SqlMetricType;
  /** The total: bytes, milliseconds, nanoseconds or a count. */
  value?: number;
  /** As Spark shows it. */
  text?: string;
  min?: number;
  median?: number;
  max?: number;
  maxAt?: { stage: number; attempt: number; task: number };
}

/** An operator, or a WholeStageCodegen around others. */
export interface PlanNode {
  id: number;
  name: string;
  description: string;
  /** The id of the WholeStageCodegen it is in. */
  cluster?: number;
  metadata?: Record<string, string>;
  metrics?: SqlMetric[];
  /** Whose tasks reported one of its metrics. */
  stages?: number[];
  time?: number;
  /** Of the run time of all stages. */
  share?: number;
}

/** Rows go from one operator to the other. */
export interface PlanEdge {
  from: number;
  to: number;
}

export interface PlanGraph {
  nodes: PlanNode[];
  edges: PlanEdge[];
}

export interface SqlStage {
  stage: number;
  attempt: number;
  status: string;
  duration?: number;
  tasks: number;
  runTime?: number;
}

export interface SqlExecution extends PlanGraph {
  id: number;
  rootId: number;
  description: string;
  /** Where in the application it was called. */
  details: string;
  status: SqlStatus;
  submitTime: number;
  duration: number;
  error?: string;
  planDescription: string;
  modifiedConfigs: Record<string, string>;
  jobs: { id: number; status: string }[];
  stages: SqlStage[];
  subExecutions: { id: number; description: string; status: SqlStatus; duration: number }[];
  /** The plan before adaptive execution changed it. */
  initial?: PlanGraph;
}

export const sqlExecution = (app: AppRef, id: string): Endpoint<SqlExecution> => ofApp(app, `sql/${encodeURIComponent(id)}/graph`);

/** A run of a Structured Streaming query. A restart from its checkpoint has the same `id`. */
export interface StreamingRun {
  id: string;
  runId: string;
  name?: string;
  /** ISO 8601, as Spark wrote them. */
  startTimestamp: string;
  lastTimestamp: string;
  lastBatchId?: number;
  progressReports: number;
  idleReports: number;
  active: boolean;
  exception?: string;
}

export const streamingRuns = (app: AppRef): Endpoint<StreamingRun[]> => ofApp(app, 'streaming/queries', { length: 100_000 });

/** null where a report lacks the value. */
export type Values = (number | null)[];

export interface StateOperator {
  name: string;
  rows: Values;
  updated: Values;
  removed: Values;
  dropped: Values;
  /** Milliseconds, summed over all instances of the state store. */
  updateTime: Values;
  removalTime: Values;
  commitTime: Values;
  memory: Values;
  /** Of the state store, over all partitions. */
  instances: Values;
  custom: Record<string, Values>;
}

export interface StreamingSeries {
  id: string;
  runId: string;
  name?: string;
  /** Reports there are; a point stands for several if there are fewer points. */
  batches: number;
  points: number;
  batch: Values;
  time: Values;
  inputRows: Values;
  inputRate: Values;
  processedRate: Values;
  /** By phase, milliseconds. */
  duration: Record<string, Values>;
  watermark: Values;
  watermarkLag: Values;
  operators: StateOperator[];
  sources: { description: string; inputRows: Values; lag: Values }[];
  sink?: string;
}

/** All batches, or those that were triggered in a range: epoch milliseconds, inclusive. */
export const streamingSeries = (app: AppRef, runId: string, points: number, range?: readonly [number, number]): Endpoint<StreamingSeries> =>
  ofApp(app, `streaming/queries/${encodeURIComponent(runId)}/series`, { points, from: range?.[0], to: range?.[1] });

/** A progress report as Spark wrote it, as far as pages look into it. */
export interface ProgressReport {
  batchId: number;
  timestamp: string;
  stateOperators?: { operatorName: string; numStateStoreInstances?: number }[];
  sources?: { description: string; startOffset?: unknown; endOffset?: unknown; latestOffset?: unknown; numInputRows?: number }[];
}

export const progressReports = (app: AppRef, runId: string, offset: number, length: number): Endpoint<ProgressReport[]> =>
  ofApp(app, 'streaming/progress', { runId, offset, length });

/** The reports of one batch: one, or several if Spark told of it again while there was nothing to do. */
export const batchReports = (app: AppRef, runId: string, batch: number): Endpoint<ProgressReport[]> =>
  ofApp(app, 'streaming/progress', { runId, batch });
