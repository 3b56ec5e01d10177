import { describe, expect, it } from 'vitest';
import { scrollTo, windowOf } from './window';

describe('rows in view', () => {
  it('are those under the scroll position, and some around', () => {
    expect(windowOf(0, 320, 1000, 32, 5)).toEqual({ first: 0, last: 15, top: 0, height: 32_000 });
    expect(windowOf(3200, 320, 1000, 32, 5)).toEqual({ first: 95, last: 115, top: 95 * 32, height: 32_000 });
    expect(windowOf(99_999, 320, 1000, 32, 5)).toMatchObject({ first: 985, last: 1000 });
    expect(windowOf(0, 320, 3, 32, 5)).toEqual({ first: 0, last: 3, top: 0, height: 96 });
    expect(windowOf(0, 320, 0, 32, 5)).toMatchObject({ first: 0, last: 0, height: 0 });
  });

  it('reach the end of a list that is taller than an element may be', () => {
    const total = 1_000_000;
    const { height } = windowOf(0, 600, total, 32, 0);
    expect(height).toBeLessThan(10_000_000);
    const end = windowOf(height - 600, 600, total, 32, 0);
    expect(end.last).toBe(total);
    expect(end.top + (end.last - end.first) * 32).toBeCloseTo(height, 5);
    const middle = windowOf((height - 600) / 2, 600, total, 32, 0);
    expect(middle.first).toBeGreaterThan(499_900);
    expect(middle.first).toBeLessThan(500_100);
  });

  it('can be moved to a row', () => {
    expect(scrollTo(5, 0, 320, 1000, 32)).toBe(0);
    expect(scrollTo(10, 0, 320, 1000, 32)).toBe(32);
    expect(scrollTo(2, 320, 320, 1000, 32)).toBe(64);
    const total = 1_000_000;
    const to = scrollTo(total - 1, 0, 600, total, 32);
    expect(windowOf(to, 600, total, 32, 0).last).toBe(total);
  });
});
