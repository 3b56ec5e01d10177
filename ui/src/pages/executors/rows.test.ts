import { describe, expect, it } from 'vitest';
import type { ExecutorsTimeline } from '../../api/ours';
import type { Environment, Executor } from '../../api/spark';
import { memory, rowsOf, summaryOf } from './rows';

const executor = (over: Partial<Executor>): Executor => ({
  id: '1', hostPort: 'h:7', isActive: true, rddBlocks: 0, memoryUsed: 0, diskUsed: 0, totalCores: 2, maxTasks: 2, activeTasks: 0, failedTasks: 0,
  completedTasks: 5, totalTasks: 5, totalDuration: 10_000, totalGCTime: 500, totalInputBytes: 0, totalShuffleRead: 0, totalShuffleWrite: 0, maxMemory: 0,
  addTime: '1970-01-01T00:00:10.000GMT', executorLogs: {}, attributes: {}, resources: {}, resourceProfileId: 0, isExcluded: false, excludedInStages: [], ...over,
});
const timeline: ExecutorsTimeline = {
  start: 0, end: 30_000, series: { time: [], executors: [], cores: [], runningTasks: [], runTime: [], gcTime: [], gcShare: [] },
  executors: [
    { id: '1', host: 'h', cores: 2, addTime: 10_000, busyTime: 10_000, gcTime: 500, maxMemory: 0 },
    { id: '2', host: 'h', cores: 2, addTime: 10_000, removeTime: 20_000, reason: 'x', class: 'idle', busyTime: 0, gcTime: 0, maxMemory: 0 },
  ],
};
const environment: Environment = {
  runtime: {}, sparkProperties: [['spark.executor.memory', '2g']], hadoopProperties: [], systemProperties: [], metricsProperties: [], classpathEntries: [],
  resourceProfiles: [{ id: 1, executorResources: { memory: { resourceName: 'memory', amount: 640, discoveryScript: '', vendor: '' }, memoryOverhead: { resourceName: 'memoryOverhead', amount: 100, discoveryScript: '', vendor: '' } }, taskResources: {} }],
};

describe('executors', () => {
  const driver = executor({ id: 'driver', totalCores: 0, totalDuration: 30_000 });
  const rows = rowsOf([driver, executor({}), executor({ id: '2', removeTime: '1970-01-01T00:00:20.000GMT', isActive: false, totalDuration: 0, totalGCTime: 0 })], timeline, environment);

  it('are busy for the part of their cores that ran tasks', () => {
    expect(rows.map((r) => [r.id, r.life, r.busy, r.idle, r.gcShare])).toEqual([
      ['driver', 20_000, undefined, undefined, undefined],
      ['1', 20_000, 0.25, 30_000, 0.05],
      ['2', 10_000, 0, 20_000, undefined],
    ]);
  });
  it('add up, without the driver', () => {
    expect(summaryOf(rows)).toMatchObject({ executors: 2, active: 1, cores: 4, idle: 50_000, gcShare: 0.05, removals: [['idle', 1]] });
    expect(summaryOf(rows).busy).toBeCloseTo(1 / 6);
  });
  it('the driver counts where it is alone', () => {
    // Spark has the length of the application in place of the time of tasks, and what the driver collected.
    const alone = rowsOf([executor({ id: 'driver', totalDuration: 30_000, totalGCTime: 0 })], { ...timeline, executors: [{ ...timeline.executors[0]!, id: 'driver' }] }, undefined);
    expect(alone[0]).toMatchObject({ taskTime: 10_000, gcTime: 500, gcShare: 0.05 });
    expect(summaryOf(alone)).toMatchObject({ executors: 1, busy: 0.25, gcShare: 0.05 });
  });
  it('have limits from settings or their profile', () => {
    const mib = 1024 ** 2;
    expect([rows[1]?.heapLimit, rows[1]?.rssLimit]).toEqual([2048 * mib, (2048 + 384) * mib]);
    const [other] = rowsOf([executor({ resourceProfileId: 1 })], timeline, environment);
    expect([other?.heapLimit, other?.rssLimit]).toEqual([640 * mib, 740 * mib]);
  });
});

describe('memory settings', () => {
  it.each([['4g', 4 * 1024 ** 3], ['512m', 512 * 1024 ** 2], ['512', 512 * 1024 ** 2], ['1024K', 1024 ** 2], ['2GB', 2 * 1024 ** 3], ['x', undefined], [undefined, undefined]])(
    '%s', (text, bytes) => expect(memory(text)).toBe(bytes));
});
