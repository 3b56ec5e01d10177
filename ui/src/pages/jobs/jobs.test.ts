import { describe, expect, it } from 'vitest';
import type { JobsTimeline, TimedJob, TimedStage } from '../../api/stages';
import type { ExecutorSpan } from '../../api/ours';
import { changesOf, executorLane } from './executor-lane';
import { graphOf } from './graph';
import { groupsOf, lanesOf, LEVELS } from './lanes';

const job = (id: number, stages: number[], over: Partial<TimedJob> = {}): TimedJob => ({
  id, name: `job ${id}`, status: 'SUCCEEDED', submitTime: id * 100, endTime: id * 100 + 90, stages, skippedStages: [], ...over,
});
const stage = (id: number, over: Partial<TimedStage> = {}): TimedStage => ({
  stage: id, attempt: 0, name: `stage ${id}`, status: 'COMPLETE', submitTime: id * 10, endTime: id * 10 + 9, tasks: 4, failedTasks: 0, parents: [], jobs: [], ...over,
});
const urls = { sql: (id: number) => `sql/${id}`, job: (id: number) => `jobs/${id}`, stage: (s: number, a: number) => `stages/${s}/${a}` };

describe('jobs over time', () => {
  const timeline: JobsTimeline = {
    jobs: [job(3, [5], { sql: 1 }), job(0, [0]), job(1, [1, 2], { sql: 0, status: 'FAILED' }), job(2, [3, 4], { sql: 0, skippedStages: [3] })],
    stages: [
      stage(0), stage(1), stage(2, { status: 'FAILED' }), stage(2, { attempt: 1 }),
      { ...stage(3, { status: 'SKIPPED' }), submitTime: undefined as never }, stage(4), { ...stage(5, { status: 'ACTIVE' }), endTime: undefined as never },
    ],
  };

  it('are grouped by SQL execution, by their first job, those without at the end', () => {
    expect(groupsOf(timeline.jobs).map((g) => [g.sql, g.jobs.map((j) => j.id)])).toEqual([[0, [1, 2]], [1, [3]], [undefined, [0]]]);
  });

  it('are lanes with jobs and, below them, the stages that ran', () => {
    const lanes = lanesOf(timeline, true, 1000, urls);
    expect(lanes.map((l) => l.title)).toEqual(['SQL 0', 'SQL 1', 'Jobs without SQL']);
    expect(lanes[0]?.bars.map((b) => [b.key, b.level, b.failed])).toEqual([
      ['job 1', LEVELS.job, true], ['job 2', LEVELS.job, false],
      ['stage 1.0', LEVELS.stage, false], ['stage 2.0', LEVELS.stage, true], ['stage 2.1', LEVELS.stage, false], ['stage 4.0', LEVELS.stage, false],
    ]);
    expect(lanes[1]?.bars.find((b) => b.key === 'stage 5.0')).toMatchObject({ end: 1000, striped: true, color: '--run' });
  });

  it('are one lane if nothing is grouped, with the SQL executions above', () => {
    const lanes = lanesOf(timeline, false, 1000, urls);
    expect(lanes).toHaveLength(1);
    expect(lanes[0]?.bars.filter((b) => b.level === LEVELS.sql).map((b) => [b.key, b.start, b.end, b.failed])).toEqual([['sql 0', 100, 290, true], ['sql 1', 300, 390, false]]);
    expect(lanesOf({ jobs: [], stages: [] }, false, 0, urls)).toEqual([]);
  });
});

describe('the graph of a job', () => {
  const chain = (skipped: number) => {
    const ids = Array.from({ length: skipped + 2 }, (_, n) => n);
    const stages = ids.map((id) => stage(id, { parents: id > 0 ? [id - 1] : [], status: id < skipped ? 'SKIPPED' : 'COMPLETE' }));
    return { job: job(0, ids, { skippedStages: ids.slice(0, skipped) }), stages };
  };

  it('has its stages, marked if skipped, and what each reads', () => {
    const { job: of, stages } = chain(1);
    const graph = graphOf(of, stages, false);
    expect(graph.nodes.map((n) => [n.stage, n.skipped])).toEqual([[0, true], [1, false], [2, false]]);
    expect(graph.lines).toEqual([{ from: 0, to: 1 }, { from: 1, to: 2 }]);
  });

  it('leaves out skipped stages that only skipped ones read, if there are many', () => {
    const { job: of, stages } = chain(30);
    expect(graphOf(of, stages, false)).toMatchObject({ hidden: 29, lines: [{ from: 29, to: 30 }, { from: 30, to: 31 }] });
    expect(graphOf(of, stages, true)).toMatchObject({ hidden: 0 });
  });

  it('shows the last attempt, and stages that the log does not have', () => {
    const graph = graphOf(job(0, [1, 2]), [stage(1, { attempt: 1 }), stage(1)], false);
    expect(graph.nodes.map((n) => n.run?.attempt)).toEqual([1, undefined]);
  });
});

describe('executors that came and went', () => {
  const span = (id: string, addTime: number, over: Partial<ExecutorSpan> = {}): ExecutorSpan => ({ id, host: 'h', cores: 4, addTime, busyTime: 0, gcTime: 0, maxMemory: 0, ...over });

  it('are marks; those at about the same time are one', () => {
    const changes = changesOf([span('driver', 0), span('1', 100), span('2', 105), span('3', 500, { removeTime: 900, class: 'idle' }), span('4', 505, { removeTime: 2000, class: 'outOfMemory' })], 10);
    expect(changes.map((c) => [c.bar.title, c.bar.start, c.bar.end, c.bar.color])).toEqual([
      ['2 executors added', 100, 105, '--ok'],
      ['2 executors added', 500, 505, '--ok'],
      ['1 executor removed', 900, 900, '--idle'],
      ['1 executor removed', 2000, 2000, '--fail'],
    ]);
    expect(executorLane([])).toEqual([]);
  });
});
