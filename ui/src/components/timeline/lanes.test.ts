import { describe, expect, it } from 'vitest';
import { type Bar, barAt, between, density, lanesDuring, lanesIn, pack, place } from './lanes';

const bar = (key: string, start: number, end: number, level = 0): Bar => ({ key, start, end, level, title: key, color: '--c1' });
const keys = (rows: Bar[][]) => rows.map((row) => row.map((b) => b.key).join(' '));

describe('bars in rows', () => {
  it('share a row as long as they do not overlap', () => {
    expect(keys(pack([bar('a', 0, 10), bar('b', 10, 20), bar('c', 5, 15), bar('d', 20, 30)]))).toEqual(['a b d', 'c']);
  });

  it('give the longer of two that begin together the upper row', () => {
    expect(keys(pack([bar('short', 0, 5), bar('long', 0, 9)]))).toEqual(['long', 'short']);
  });

  it('do not lie on each other where they took no time', () => {
    expect(keys(pack([bar('a', 5, 5), bar('b', 5, 5), bar('c', 6, 6)]))).toEqual(['a c', 'b']);
  });
});

describe('lanes', () => {
  const lanes = [
    { key: 'x', title: 'x', bars: [bar('job', 0, 100, 1), bar('stage 1', 0, 60, 2), bar('stage 2', 30, 100, 2)] },
    { key: 'y', title: 'y', bars: [bar('late', 200, 300)] },
  ];
  const placed = place(lanes, [10, 20, 8]);

  it('put each level below the one before, as high as that level is', () => {
    const rows = placed.lanes[0]?.rows ?? [];
    expect(rows.map((r) => [r.bars[0]?.key, r.height])).toEqual([['job', 20], ['stage 1', 8], ['stage 2', 8]]);
    expect((rows[1]?.top ?? 0) - (rows[0]?.top ?? 0)).toBe(22);
    expect(placed.lanes[1]?.top).toBe(placed.lanes[0]?.height);
    expect(placed.height).toBe((placed.lanes[1]?.top ?? 0) + (placed.lanes[1]?.height ?? 0));
  });

  it('are found by what is in view', () => {
    const second = placed.lanes[1]?.top ?? 0;
    expect(lanesIn(placed, 0, second).map((l) => l.lane.key)).toEqual(['x']);
    expect(lanesIn(placed, second - 1, second + 1).map((l) => l.lane.key)).toEqual(['x', 'y']);
  });

  it('are found by when something is in them', () => {
    expect(lanesDuring(lanes, 100, 150).map((l) => l.key)).toEqual(['x']);
    expect(lanesDuring(lanes, 101, 199)).toEqual([]);
    expect(lanesDuring(lanes, 0, 500)).toHaveLength(2);
  });

  it('know what lies at a point', () => {
    const row = placed.lanes[0]?.rows[2];
    expect(barAt(placed, (row?.top ?? 0) + 2, 50, 0)?.key).toBe('stage 2');
    expect(barAt(placed, (row?.top ?? 0) + 2, 10, 0)).toBeUndefined();
    expect(barAt(placed, (row?.top ?? 0) + 2, 28, 5)?.key).toBe('stage 2');
    expect(barAt(placed, 10_000, 50, 5)).toBeUndefined();
  });
});

describe('a long row', () => {
  const row = Array.from({ length: 100_000 }, (_, n) => bar(String(n), n * 10, n * 10 + 8));

  it('is cut to what reaches into the range', () => {
    expect(between(row, 500_005, 500_035)).toEqual([50_000, 50_004]);
    expect(between(row, 500_009, 500_009.5)).toEqual([50_001, 50_001]);
    expect(between(row, -100, 4)).toEqual([0, 1]);
    expect(between(row, 2_000_000, 3_000_000)).toEqual([100_000, 100_000]);
  });
});

describe('density', () => {
  it('is how many bars there are at once, on average', () => {
    const lanes = [{ key: 'x', title: 'x', bars: [bar('a', 0, 50), bar('b', 25, 75), bar('deep', 0, 100, 1)] }];
    expect(density(lanes, 0, 100, 4, 0)).toEqual([1, 2, 1, 0]);
    expect(density(lanes, 0, 100, 2)).toEqual([2.5, 1.5]);
    expect(density(lanes, 5, 5, 3)).toEqual([0, 0, 0]);
  });
});
