/** Spark's REST API, as far as pages use it: docs/rest-differences.md. Dates are texts, absent while unknown. */

import type { AppRef } from '../core/address';
import { type Endpoint, endpoint, type Params } from './client';

export function ofApp<T>({ cluster, id, attempt }: AppRef, rest: string, params?: Params): Endpoint<T> {
  const app = [id, ...(attempt === undefined ? [] : [attempt])].map(encodeURIComponent).join('/');
  return endpoint<T>(`/clusters/${encodeURIComponent(cluster)}/api/v1/applications/${app}/${rest}`, params);
}

/** Epoch milliseconds of `2026-11-21T00:54:13.498GMT`. */
export function sparkTime(date: string | undefined): number | undefined {
  if (date === undefined) return undefined;
  const ms = Date.parse(date.replace('GMT', 'Z'));
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

/** Where the log as the cluster wrote it can be downloaded. */
export const logsUrl = (app: AppRef): string => ofApp<never>(app, 'logs').url;

export type Property = [name: string, value: string];

export interface ResourceProfile {
  id: number;
  executorResources: Record<string, { resourceName: string; amount: number; discoveryScript: string; vendor: string }>;
  taskResources: Record<string, { resourceName: string; amount: number }>;
}

export interface Environment {
  runtime: { javaVersion?: string; javaHome?: string; scalaVersion?: string };
  sparkProperties: Property[];
  hadoopProperties: Property[];
  systemProperties: Property[];
  metricsProperties: Property[];
  classpathEntries: Property[];
  resourceProfiles: ResourceProfile[];
}

export const environment = (app: AppRef): Endpoint<Environment> => ofApp(app, 'environment');

export interface Executor {
  id: string;
  hostPort?: string;
  isActive: boolean;
  rddBlocks: number;
  memoryUsed: number;
  diskUsed: number;
  totalCores: number;
  maxTasks: number;
  activeTasks: number;
  failedTasks: number;
  completedTasks: number;
  totalTasks: number;
  totalDuration: number;
  totalGCTime: number;
  totalInputBytes: number;
  totalShuffleRead: number;
  totalShuffleWrite: number;
  maxMemory: number;
  addTime: string;
  removeTime?: string;
  removeReason?: string;
  executorLogs: Record<string, string>;
  memoryMetrics?: {
    usedOnHeapStorageMemory: number;
    usedOffHeapStorageMemory: number;
    totalOnHeapStorageMemory: number;
    totalOffHeapStorageMemory: number;
  };
  peakMemoryMetrics?: Record<string, number>;
  attributes: Record<string, string>;
  resources: Record<string, { name: string; addresses: string[] }>;
  resourceProfileId: number;
  isExcluded: boolean;
  excludedInStages: number[];
}

export const allExecutors = (app: AppRef): Endpoint<Executor[]> => ofApp(app, 'allexecutors');

export interface Process {
  id: string;
  hostPort: string;
  isActive: boolean;
  totalCores: number;
  addTime: string;
  processLogs: Record<string, string>;
}

export const processes = (app: AppRef): Endpoint<Process[]> => ofApp(app, 'allmiscellaneousprocess');

export interface Rdd {
  id: number;
  name: string;
  numPartitions: number;
  numCachedPartitions: number;
  storageLevel: string;
  memoryUsed: number;
  diskUsed: number;
  dataDistribution?: {
    address: string;
    memoryUsed: number;
    memoryRemaining: number;
    diskUsed: number;
    onHeapMemoryUsed?: number;
    offHeapMemoryUsed?: number;
    onHeapMemoryRemaining?: number;
    offHeapMemoryRemaining?: number;
  }[];
  partitions: { blockName: string; storageLevel: string; memoryUsed: number; diskUsed: number; executors: string[] }[];
}

export const rdds = (app: AppRef): Endpoint<Rdd[]> => ofApp(app, 'storage/rdd');
export const rdd = (app: AppRef, id: string): Endpoint<Rdd> => ofApp(app, `storage/rdd/${encodeURIComponent(id)}`);

/** Times are epoch milliseconds here, 0 for what has not happened. */
export interface ConnectSession {
  sessionId: string;
  userId: string;
  startTimestamp: number;
  finishTimestamp: number;
  totalExecution: number;
  totalTime: number;
}

export interface ConnectOperation {
  jobTag: string;
  operationId: string;
  sessionId: string;
  userId: string;
  statement: string;
  state: 'STARTED' | 'COMPILED' | 'READY' | 'FINISHED' | 'FAILED' | 'CANCELED' | 'TIMEDOUT' | 'CLOSED';
  startTimestamp: number;
  finishTimestamp: number;
  closeTimestamp: number;
  duration: number;
  executionTime: number;
  sparkSessionTags: string[];
  jobIds: string[];
  sqlExecIds: string[];
  detail: string;
}

export const connectSessions = (app: AppRef, params?: Params): Endpoint<ConnectSession[]> => ofApp(app, 'connect/sessions', params);
export const connectOperations = (app: AppRef, params?: Params): Endpoint<ConnectOperation[]> => ofApp(app, 'connect/operations', params);
