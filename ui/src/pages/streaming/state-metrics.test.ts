import { describe, expect, test } from 'vitest';
import type { StateOperator, Values } from '../../api/ours';
import { memoryReported, stateGroups } from './state-metrics';

function operator(custom: Record<string, Values>, more: Partial<StateOperator> = {}): StateOperator {
  return { name: 'stateStoreSave', rows: [], updated: [], removed: [], dropped: [], updateTime: [], removalTime: [], commitTime: [], instances: [], memory: [], custom, ...more };
}

const graphOf = (custom: Record<string, Values>, title: string, instances?: number) =>
  stateGroups(operator(custom), instances).flatMap((group) => group.graphs).find((graph) => graph.title === title);

describe('metrics of state stores', () => {
  test('commit times are sums over the instances: shown for one of them', () => {
    // Real: 36 instances, 3,629 ms of commit in a batch of 734 ms.
    const custom = { rocksdbCommitFileSyncLatencyMs: [2991], rocksdbCommitCheckpointLatency: [533], rocksdbCommitFlushLatency: [44], rocksdbCommitCompactLatency: [0] };
    const graph = graphOf(custom, 'Commit phases, mean of a store instance', 36);
    expect(graph?.stacked).toBe(true);
    expect(graph?.lines.map((line) => [line.title, line.values[0]?.toFixed(1)])).toEqual([['Flush to files', '1.2'], ['Local checkpoint', '14.8'], ['Upload to checkpoint location', '83.1']]);
    expect(stateGroups(operator(custom), 36)[0]?.zero.map((line) => line.title)).toEqual(['Compaction on commit']);
  });

  test('without a number of instances the sum is shown and called that', () => {
    const graph = graphOf({ rocksdbCommitFlushLatency: [44, null] }, 'Commit phases, all instances together');
    expect(graph?.lines[0]?.values).toEqual([44, null]);
  });

  test('the hit rate of the block cache, where there were lookups', () => {
    const graph = graphOf({ rocksdbReadBlockCacheHitCount: [8, 0, 3, null], rocksdbReadBlockCacheMissCount: [0, 0, 1, 1] }, 'Hit rate');
    expect(graph?.lines[0]?.values).toEqual([1, null, 0.75, null]);
    expect(graph?.unit).toBe('share');
  });

  test('of write stalls only whether there were any', () => {
    expect(graphOf({ rocksdbWriterStallLatencyMs: [0, 4711000] }, 'Write stalls')?.lines[0]?.values).toEqual([0, 1]);
  });

  test('the snapshot furthest behind', () => {
    const custom = { 'SnapshotLastUploaded.partition_0_default': [1, 5, 9], 'SnapshotLastUploaded.partition_1_default': [1, -1, 4] };
    expect(graphOf(custom, 'Version of the oldest snapshot uploaded')?.lines[0]?.values).toEqual([1, 0, 4]);
  });

  test('unknown names are kept as they are, with the unit that they tell', () => {
    const groups = stateGroups(operator({ rocksdbNewThingBytes: [5], someLatencyMs: [7], other: [1] }), 1);
    expect(groups).toHaveLength(1);
    expect(groups[0]?.graphs.map((graph) => [graph.title, graph.unit])).toEqual([['other', 'count'], ['rocksdbNewThingBytes', 'bytes'], ['someLatencyMs', 'ms']]);
  });

  test('memory of 0 beside rows was not reported', () => {
    expect(memoryReported({ rows: [10, 20], memory: [0, 0] })).toBe(false);
    expect(memoryReported({ rows: [10, 20], memory: [0, 5] })).toBe(true);
    expect(memoryReported({ rows: [0], memory: [0] })).toBe(true);
  });
});
