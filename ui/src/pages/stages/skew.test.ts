import { describe, expect, it } from 'vitest';
import type { ExecutorRow, Stage, Task } from '../../api/stages';
import { cause } from './cause';
import { evenly, findings } from './findings';
import { measured, summaryOf, type TaskSummary } from './measures';
import { concentration, mostSkewed, skew, skewHint, skewOf, times } from './skew';

const ZERO = {
  executorDeserializeTime: 0, executorDeserializeCpuTime: 0, executorRunTime: 0, executorCpuTime: 0, resultSize: 0, jvmGcTime: 0,
  resultSerializationTime: 0, memoryBytesSpilled: 0, diskBytesSpilled: 0, peakExecutionMemory: 0,
};

function stage(over: Partial<Stage>): Stage {
  return {
    ...ZERO, status: 'COMPLETE', stageId: 1, attemptId: 0, numTasks: 200, numActiveTasks: 0, numCompleteTasks: 200, numFailedTasks: 0, numKilledTasks: 0,
    numCompletedIndices: 200, inputBytes: 0, inputRecords: 0, outputBytes: 0, outputRecords: 0, shuffleFetchWaitTime: 0, shuffleRemoteBytesRead: 0,
    shuffleLocalBytesRead: 0, shuffleReadBytes: 0, shuffleReadRecords: 0, shuffleWriteBytes: 0, shuffleWriteTime: 0, shuffleWriteRecords: 0, name: 'count',
    details: '', schedulingPool: 'default', rddIds: [], accumulatorUpdates: [], killedTasksSummary: {}, resourceProfileId: 0, isShufflePushEnabled: false,
    shuffleMergersCount: 0, ...over,
  };
}

const QUANTILES = [0, 0.5, 1];
const NONE = [0, 0, 0];

function summary(duration: number[], shuffleRead = NONE): TaskSummary {
  const of = (name: string, unit: 'ms' | 'bytes', values: number[]) => ({ name, unit, values });
  return summaryOf({ tasks: 3, quantiles: QUANTILES, metrics: [of('duration', 'ms', duration), of('runTime', 'ms', duration), of('shuffleRead', 'bytes', shuffleRead)] });
}

interface Made {
  duration?: number;
  run?: number;
  cpu?: number;
  gc?: number;
  delay?: number;
  wait?: number;
  read?: number;
  launch?: string;
}

function task({ duration = 1000, run = duration, cpu = run, gc = 0, delay = 0, wait = 0, read = 0, launch = '2026-11-21T00:10:00.000GMT' }: Made): Task {
  return {
    taskId: 7, index: 3, attempt: 0, partitionId: 3, launchTime: launch, duration, executorId: '1', host: 'h', status: 'SUCCESS', taskLocality: 'ANY', speculative: false,
    accumulatorUpdates: [], executorLogs: {}, schedulerDelay: delay, gettingResultTime: 0,
    taskMetrics: {
      ...ZERO, executorRunTime: run, executorCpuTime: cpu * 1e6, jvmGcTime: gc,
      inputMetrics: { bytesRead: 0, recordsRead: 0 }, outputMetrics: { bytesWritten: 0, recordsWritten: 0 },
      shuffleReadMetrics: { remoteBlocksFetched: 0, localBlocksFetched: 0, fetchWaitTime: wait, remoteBytesRead: 0, remoteBytesReadToDisk: 0, localBytesRead: read, recordsRead: 0 },
      shuffleWriteMetrics: { bytesWritten: 0, writeTime: 0, recordsWritten: 0 },
    },
  };
}

const executor = (over: Partial<ExecutorRow>): ExecutorRow => ({
  id: '', logs: {}, taskTime: 0, failedTasks: 0, succeededTasks: 0, killedTasks: 0, inputBytes: 0, inputRecords: 0, outputBytes: 0, outputRecords: 0,
  shuffleReadBytes: 0, shuffleReadRecords: 0, shuffleWriteBytes: 0, shuffleWriteRecords: 0, memorySpilled: 0, diskSpilled: 0, excluded: false, ...over,
});

const named = (all: Record<string, ExecutorRow>): ExecutorRow[] => Object.entries(all).map(([id, e]) => ({ ...e, id }));

const MIB = 1 << 20;

describe('skew', () => {
  it('is the largest over the median, where that matters', () => {
    expect(skew(5000, 41_000, 'ms')).toMatchObject({ ratio: 8.2, level: 'notable' });
    expect(skew(5000, 14_999, 'ms').level).toBe('even');
    expect(skew(5, 499, 'ms').level).toBe('even');
    expect(skew(MIB, 10 * MIB, 'bytes').level).toBe('severe');
    expect(skew(0, 5 * MIB, 'bytes')).toMatchObject({ ratio: Infinity, level: 'severe' });
    expect(skew(0, 0, 'bytes')).toMatchObject({ ratio: 1, level: 'even' });
    expect(skewOf(summary([1, 5000, 41_000]), measured('duration'))?.ratio).toBe(8.2);
  });

  it('is written as exactly as a ratio needs', () => {
    expect([1, 8.2, 9.96, 10.4, 140.6, 12_345, Infinity].map(times)).toEqual(['1.0', '8.2', '10', '10', '141', '12,345', '∞']);
  });

  it('names the data that differ most', () => {
    expect(mostSkewed(summary([1, 2, 3], [0, MIB, 50 * MIB]))?.id).toBe('shuffleRead');
    expect(mostSkewed(summary([1, 2, 3], [0, MIB, 2 * MIB]))).toBeUndefined();
  });

  it('has a short word for lists', () => {
    expect(skewHint(summary([1, 5000, 41_000]))).toMatchObject({ text: '8.2×', level: 'notable' });
    expect(skewHint(summary([1, 5000, 6000], [0, MIB, 50 * MIB]))).toMatchObject({ text: '50× shuffle read', level: 'severe' });
    expect(skewHint(summary([1, 5000, 6000]))).toBeUndefined();
  });
});

describe('data held by few tasks', () => {
  it('are told with the fewest tasks that hold them', () => {
    expect(concentration([300, 90, 20, 2, 1], 1000, 200)).toEqual({ tasks: 1, share: 0.3 });
    expect(concentration([210, 205, 195, 2, 1], 1000, 200)).toEqual({ tasks: 3, share: 0.61 });
    expect(concentration([10, 10, 10, 10], 1000, 100)).toBeUndefined();
    expect(concentration([900], 1000, 2)).toBeUndefined();
    expect(concentration([], 0, 100)).toBeUndefined();
  });
});

describe('why a task is slow', () => {
  const found = skew(1000, 10_000, 'ms');
  const because = (made: Made, read = NONE, over: Partial<Stage> = {}) => cause(task({ duration: 10_000, ...made }), stage(over), summary([1, 1000, 10_000], read), found);

  it('is what took most of it', () => {
    expect(because({ run: 3000, delay: 7000 })).toBe('70.0% of it was scheduler delay: it waited, it did not work.');
    expect(because({ gc: 6000 })).toContain('60.0% of it was garbage collection');
    expect(because({ wait: 5500 })).toContain('waited for shuffle blocks');
  });

  it('is its data, if it had more', () => {
    expect(because({ read: 50 * MIB }, [0, 4 * MIB, 50 * MIB])).toBe('It had 13 times the data (50.0 MiB of shuffle read, the median is 4.00 MiB): the data are skewed.');
    expect(because({ read: 50 * MIB }, [0, 0, 50 * MIB])).toContain('nearly all the data');
  });

  it('is something else, if it had not', () => {
    expect(because({ read: 4 * MIB, cpu: 100 }, [0, 4 * MIB, 4 * MIB])).toContain('used the processor for 1.0% of its run time');
    expect(because({ read: 4 * MIB }, [0, 4 * MIB, 4 * MIB])).toContain('its records cost more');
    const times = { firstTaskLaunchedTime: '2026-11-21T00:10:00.000GMT', completionTime: '2026-11-21T00:12:00.000GMT' };
    expect(because({}, NONE, times)).toContain('among the first to run');
  });
});

describe('what stands out', () => {
  it('is said with its numbers', () => {
    const said = findings({
      stage: stage({ shuffleReadBytes: 1000 * MIB }),
      summary: summary([1, 5000, 41_000], [0, MIB, 210 * MIB]),
      slowest: [task({ duration: 41_000, read: 210 * MIB })],
      largest: { of: measured('shuffleRead'), tasks: [210, 205, 195, 2].map((n) => task({ read: n * MIB })) },
    });
    expect(said.map((f) => f.text)).toEqual([
      'The slowest task took 8.2 times the median: 41.0 s against 5.00 s.',
      '3 of 200 tasks hold 61.0% of the shuffle read: 610 MiB of 0.977 GiB.',
    ]);
    expect(said[0]?.look).toEqual({ text: 'Task 3', query: { view: 'tasks', sort: '-duration', task: '7' } });
  });

  it('begins with failures and says where they were', () => {
    const on = (over: Record<string, ExecutorRow>) => findings({ stage: stage({ numFailedTasks: 4, executors: named(over) }) })[0]?.text;
    expect(on({ '1': executor({ failedTasks: 4 }), '2': executor({}) })).toBe('4 task attempts failed, all on executor 1 of 2.');
    expect(on({ '1': executor({ failedTasks: 3 }), '2': executor({ failedTasks: 1 }), '3': executor({}) })).toBe('4 task attempts failed, on 2 of 3 executors.');
    expect(on({ '1': executor({ failedTasks: 4 }) })).toBe('4 task attempts failed.');
  });

  it('tells killed tasks with their reasons, and speculation', () => {
    const said = findings({
      stage: stage({
        numKilledTasks: 2,
        killedTasksSummary: { 'another attempt succeeded': 2 },
        speculation: { tasks: 2, activeTasks: 0, completedTasks: 1, failedTasks: 0, killedTasks: 1 },
      }),
    });
    expect(said.map((f) => f.text)).toEqual([
      '2 task attempts were killed: another attempt succeeded (2).',
      '2 speculative copies of slow tasks were launched: 1 finished first, 1 was killed.',
    ]);
  });

  it('knows an executor that took too much, and one that is slow', () => {
    const said = findings({
      stage: stage({
        executors: named({
          '1': executor({ taskTime: 30_000, succeededTasks: 10 }),
          '2': executor({ taskTime: 4000, succeededTasks: 8 }),
          '3': executor({ taskTime: 5000, succeededTasks: 10 }),
          '4': executor({ taskTime: 1000, succeededTasks: 2, excluded: true }),
        }),
      }),
    });
    expect(said.map((f) => f.text)).toEqual([
      'Executor 4 was excluded from this stage after failures.',
      'Executor 1 took 75.0% of the task time, though 4 executors worked.',
      'Executor 1 was slow: 3.00 s a task, 6.0 times the middle of the executors (500 ms).',
    ]);
  });

  it('counts what memory, network and processors cost', () => {
    const said = findings({ stage: stage({ executorRunTime: 10_000, executorCpuTime: 1e9, jvmGcTime: 2500, shuffleFetchWaitTime: 3000, diskBytesSpilled: MIB, memoryBytesSpilled: 4 * MIB }) });
    expect(said.map((f) => f.text)).toEqual([
      'Garbage collection took 25.0% of the run time (2.50 s of 10.0 s).',
      'Tasks waited for shuffle blocks for 30.0% of the run time (3.00 s of 10.0 s).',
      'The JVM used a processor for 10.0% of the run time.',
      'Tasks spilled 1.00 MiB to disk (4.00 MiB in memory).',
    ]);
  });

  it('is nothing in an even stage, which is said with the ratio', () => {
    const even = summary([900, 1000, 1300]);
    expect(findings({ stage: stage({}), summary: even })).toEqual([]);
    expect(evenly(stage({}), even)).toBe('Nothing stands out: the slowest task took 1.3 times the median (1.30 s against 1.00 s).');
    expect(evenly(stage({ numTasks: 1 }), even)).toBe('Nothing stands out.');
  });
});
