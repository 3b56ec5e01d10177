import { expect, test } from 'vitest';
import type { StreamingRun } from '../../api/ours';
import { runRows } from './runs';

const run = (runId: string, id: string, start: string, more: Partial<StreamingRun> = {}): StreamingRun => ({ id, runId, startTimestamp: start, lastTimestamp: start, progressReports: 1, idleReports: 0, active: false, ...more });

test('active runs first, then failed ones, newest first; restarts are counted', () => {
  const rows = runRows([
    run('a', 'q1', '2026-11-21T00:00:00.000Z', { exception: 'boom' }),
    run('b', 'q2', '2026-11-21T00:01:00.000Z'),
    run('c', 'q1', '2026-11-21T00:02:00.000Z', { active: true }),
    run('d', 'q3', '2026-11-21T00:03:00.000Z'),
  ]);
  expect(rows.map((r) => [r.run.runId, r.state, `${r.nth}/${r.of}`])).toEqual([
    ['c', 'active', '2/2'],
    ['a', 'failed', '1/2'],
    ['d', 'finished', '1/1'],
    ['b', 'finished', '1/1'],
  ]);
  expect(rows[0]?.start).toBe(Date.UTC(2026, 10, 21, 0, 2));
});
