import { describe, expect, it } from 'vitest';
import { marksOf, scaleFor, scaleOf, stepOf } from './scale';

describe('steps', () => {
  it('are round in their unit', () => {
    expect(stepOf(13, 'count')).toBe(20);
    expect(stepOf(0.3, 'count')).toBe(1);
    expect(stepOf(1300, 'ms')).toBe(2000);
    expect(stepOf(7000, 'ms')).toBe(10_000);
    expect(stepOf(40_000, 'ms')).toBe(60_000);
    expect(stepOf(3e6, 'ns')).toBe(5e6);
    expect(stepOf(3000, 'bytes')).toBe(4096);
    expect(stepOf(0.3, 'ms')).toBe(0.5);
    expect(stepOf(0, 'bytes')).toBe(1);
  });
});

describe('scales', () => {
  it('end with a mark beyond the largest value', () => {
    expect(scaleOf(0, 47, 'count')).toEqual({ low: 0, high: 50, marks: [0, 10, 20, 30, 40, 50] });
    expect(scaleOf(0, 4, 'count', 4)).toEqual({ low: 0, high: 4, marks: [0, 1, 2, 3, 4] });
    expect(scaleOf(0, 3 * 1024 ** 2, 'bytes', 3).marks).toEqual([0, 1 << 20, 2 << 20, 3 << 20]);
    expect(scaleOf(0, 0, 'ms')).toEqual({ low: 0, high: 1, marks: [0, 1] });
  });

  it('begin with zero unless all values are far from it', () => {
    expect(scaleFor([3, 40], 'count').low).toBe(0);
    expect(scaleFor([1000, 1004], 'count').low).toBe(1000);
    expect(scaleFor([], 'bytes').low).toBe(0);
    expect(scaleFor([5, 5], 'count')).toMatchObject({ low: 5, high: 6 });
  });

  it('mark what is given', () => {
    expect(marksOf(155, 2160, 'ms')).toEqual([500, 1000, 1500, 2000]);
    expect(marksOf(7, 7, 'count')).toEqual([7]);
  });
});
