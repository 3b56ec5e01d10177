import { expect, test } from 'vitest';
import { batchDuration, between, loadOf, phasesOf, spreadOf } from './phases';

// Of a real report: phases of 732 ms in a batch of 734 ms.
const duration = { addBatch: [648], commitOffsets: [39], getBatch: [0], latestOffset: [0], queryPlanning: [10], triggerExecution: [734], walCommit: [35] };

test('phases add up to the batch', () => {
  const phases = phasesOf({ duration, time: [1] });
  expect(phases.map((p) => `${p.title} ${p.values[0]}`)).toEqual(['Latest offset 0', 'Write-ahead log 35', 'Get batch 0', 'Query planning 10', 'Add batch 648', 'Commit offsets 39', 'Other 2']);
});

test('phases that nobody knows come along', () => {
  const phases = phasesOf({ duration: { newPhase: [5], addBatch: [1] }, time: [1] });
  expect(phases.map((p) => p.title)).toEqual(['Add batch', 'newPhase']);
  expect(batchDuration({ duration: { newPhase: [5], addBatch: [1] }, time: [1] })).toEqual([6]);
});

test('spread of what is known', () => {
  expect(spreadOf([null])).toBeUndefined();
  expect(spreadOf([3, null, 1, 2])).toEqual({ count: 3, median: 2, p95: 3, max: 3, mean: 2 });
});

test('load, over batches with rows', () => {
  expect(loadOf({ inputRate: [10, 20, null, 0], processedRate: [40, 20, 1, 0], inputRows: [1, 1, 1, 0] })).toBe(0.5);
  expect(loadOf({ inputRate: [], processedRate: [], inputRows: [] })).toBeUndefined();
});

test('points in a time range', () => {
  expect(between([1, 5, null, 9], 4, 9)).toEqual([1, 3]);
});
