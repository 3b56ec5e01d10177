import type { ExecutorSpan, ExecutorsTimeline, RemovalClass } from '../../api/ours';
import { type Environment, type Executor, sparkTime } from '../../api/spark';
import type { Tone } from '../../components/badge';

/** An executor as the page shows it: Spark's totals, and when it was there. */
export interface Row {
  id: string;
  host: string;
  spark: Executor;
  span: ExecutorSpan | undefined;
  added: number | undefined;
  /** Absent while it is there, or if it stayed to the end. */
  removed: number | undefined;
  /** From adding to removal or the end, milliseconds. */
  life: number | undefined;
  /** Task time over the time of its cores. */
  busy: number | undefined;
  /** Cores times the time without a task, milliseconds. */
  idle: number | undefined;
  /** Of its tasks, milliseconds. */
  taskTime: number | undefined;
  gcTime: number | undefined;
  gcShare: number | undefined;
  peakHeap: number | undefined;
  heapLimit: number | undefined;
  peakRss: number | undefined;
  rssLimit: number | undefined;
}

export const REMOVALS: Record<RemovalClass, { word: string; tone: Tone }> = {
  decommission: { word: 'Decommissioned', tone: 'warn' },
  nodeLoss: { word: 'Node lost', tone: 'fail' },
  outOfMemory: { word: 'Out of memory', tone: 'fail' },
  idle: { word: 'Idle', tone: 'idle' },
  driverExit: { word: 'Driver ended', tone: 'idle' },
  killed: { word: 'Killed', tone: 'warn' },
  heartbeat: { word: 'No heartbeat', tone: 'fail' },
  other: { word: 'Removed', tone: 'warn' },
};

export function rowsOf(executors: Executor[], timeline: ExecutorsTimeline | undefined, environment: Environment | undefined): Row[] {
  const spans = new Map(timeline?.executors.map((e) => [e.id, e]));
  // Without executors the driver runs the tasks.
  const alone = !executors.some((e) => e.id !== 'driver');
  const limits = environment && new Limits(environment);
  return executors.map((spark) => {
    const span = spans.get(spark.id);
    const added = sparkTime(spark.addTime);
    const removed = sparkTime(spark.removeTime);
    const works = spark.id !== 'driver' || alone;
    const life = added === undefined || timeline === undefined ? undefined : Math.max(0, (removed ?? timeline.end) - added);
    const offered = life === undefined ? 0 : life * spark.totalCores;
    const busyTime = span?.busyTime;
    // Of the driver Spark says how long the application lasts and what it collected itself, also where it ran all the tasks.
    const ofTasks = spark.id !== 'driver' ? spark : undefined;
    const taskTime = works ? (busyTime ?? ofTasks?.totalDuration) : undefined;
    const gcTime = works ? (span?.gcTime ?? ofTasks?.totalGCTime) : spark.totalGCTime;
    return {
      id: spark.id,
      host: span?.host ?? spark.hostPort?.replace(/:\d+$/, '') ?? '',
      spark,
      span,
      added,
      removed,
      life,
      busy: works && busyTime !== undefined && offered > 0 ? Math.min(1, busyTime / offered) : undefined,
      idle: works && busyTime !== undefined && offered > 0 ? Math.max(0, offered - busyTime) : undefined,
      taskTime,
      gcTime,
      gcShare: taskTime !== undefined && gcTime !== undefined && taskTime > 0 ? gcTime / taskTime : undefined,
      peakHeap: positive(spark.peakMemoryMetrics?.JVMHeapMemory),
      heapLimit: limits?.heap(spark),
      peakRss: positive(rss(spark.peakMemoryMetrics)),
      rssLimit: limits?.container(spark),
    };
  });
}

const positive = (n: number | undefined): number | undefined => (n !== undefined && n > 0 ? n : undefined);

function rss(peaks: Record<string, number> | undefined): number | undefined {
  if (!peaks) return undefined;
  return (peaks.ProcessTreeJVMRSSMemory ?? 0) + (peaks.ProcessTreePythonRSSMemory ?? 0) + (peaks.ProcessTreeOtherRSSMemory ?? 0);
}

const MIB = 1024 * 1024;
/** Spark's own: the least overhead, and its part of the heap. */
const LEAST_OVERHEAD = 384 * MIB;
const OVERHEAD_FACTOR = 0.1;

/** What executors were given, from settings and resource profiles. */
class Limits {
  private readonly set: Map<string, string>;

  constructor(private readonly environment: Environment) {
    this.set = new Map(environment.sparkProperties);
  }

  heap(executor: Executor): number | undefined {
    if (executor.id === 'driver') return memory(this.set.get('spark.driver.memory') ?? '1g');
    return this.resource(executor, 'memory') ?? memory(this.set.get('spark.executor.memory') ?? '1g');
  }

  /** Heap, overhead, off-heap and Python memory: above this, containers are killed. */
  container(executor: Executor): number | undefined {
    if (executor.id === 'driver') return undefined;
    const heap = this.heap(executor);
    if (heap === undefined) return undefined;
    const factor = Number(this.set.get('spark.executor.memoryOverheadFactor') ?? OVERHEAD_FACTOR);
    const overhead = this.resource(executor, 'memoryOverhead') ?? memory(this.set.get('spark.executor.memoryOverhead')) ?? Math.max(LEAST_OVERHEAD, heap * factor);
    return heap + overhead + (this.resource(executor, 'offHeap') ?? 0) + (this.resource(executor, 'pyspark.memory') ?? 0);
  }

  private resource({ resourceProfileId }: Executor, name: string): number | undefined {
    const profile = this.environment.resourceProfiles.find((p) => p.id === resourceProfileId);
    const amount = profile?.executorResources[name]?.amount;
    return amount === undefined ? undefined : amount * MIB;
  }
}

const UNITS: Record<string, number> = { k: 1024, m: MIB, g: 1024 * MIB, t: MIB * MIB };

/** `4g`, `512m`, `512` (MiB) in bytes. */
export function memory(text: string | undefined): number | undefined {
  const [, number, unit] = /^\s*(\d+)\s*([kmgt]?)i?b?\s*$/i.exec(text ?? '') ?? [];
  return number === undefined ? undefined : Number(number) * (UNITS[(unit || 'm').toLowerCase()] ?? 1);
}

/** Over all executors that run tasks; undefined without a timeline. */
export interface Summary {
  executors: number;
  active: number;
  cores: number;
  busy: number | undefined;
  idle: number | undefined;
  gcShare: number | undefined;
  /** How many went, by why. */
  removals: [RemovalClass, number][];
}

export function summaryOf(rows: Row[]): Summary {
  const works = rows.some((r) => r.id !== 'driver') ? rows.filter((r) => r.id !== 'driver') : rows;
  const sum = (of: (r: Row) => number | undefined) => works.reduce((n, r) => n + (of(r) ?? 0), 0);
  const offered = sum((r) => (r.life === undefined ? 0 : r.life * r.spark.totalCores));
  const known = works.some((r) => r.busy !== undefined) && offered > 0;
  const time = sum((r) => r.taskTime);
  const removals = new Map<RemovalClass, number>();
  for (const { span } of works) if (span?.removeTime !== undefined) removals.set(span.class ?? 'other', (removals.get(span.class ?? 'other') ?? 0) + 1);
  return {
    executors: works.length,
    active: works.filter((r) => r.spark.isActive).length,
    cores: sum((r) => r.spark.totalCores),
    busy: known ? 1 - sum((r) => r.idle) / offered : undefined,
    idle: known ? sum((r) => r.idle) : undefined,
    gcShare: time > 0 ? sum((r) => r.gcTime) / time : undefined,
    removals: [...removals].sort((a, b) => b[1] - a[1]),
  };
}
