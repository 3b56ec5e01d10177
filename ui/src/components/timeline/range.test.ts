import { describe, expect, it } from 'vitest';
import { inside, moved, read, same, ticks, written, zoomed } from './range';

const whole = { from: 1000, to: 11_000 };

describe('the part in view', () => {
  it('stays inside the whole', () => {
    expect(inside({ from: 0, to: 5000 }, whole)).toEqual({ from: 1000, to: 6000 });
    expect(inside({ from: 9000, to: 14_000 }, whole)).toEqual({ from: 6000, to: 11_000 });
    expect(inside({ from: 0, to: 99_000 }, whole)).toEqual(whole);
  });

  it('is zoomed around a moment that stays in place', () => {
    const closer = zoomed(whole, whole, 0.5, 3500);
    expect(closer).toEqual({ from: 2250, to: 7250 });
    expect((3500 - closer.from) / 5000).toBe((3500 - whole.from) / 10_000);
    expect(zoomed(closer, whole, 100)).toEqual(whole);
    expect(zoomed(closer, whole, 0.000001).to - zoomed(closer, whole, 0.000001).from).toBe(4);
  });

  it('is moved up to the ends', () => {
    expect(moved({ from: 2000, to: 4000 }, whole, 500)).toEqual({ from: 2500, to: 4500 });
    expect(moved({ from: 2000, to: 4000 }, whole, -50_000)).toEqual({ from: 1000, to: 3000 });
  });

  it('is read from the address as it was written', () => {
    const range = { from: 2000, to: 4500 };
    expect(written(range, whole)).toBe('1000-3500');
    expect(read('1000-3500', whole)).toEqual(range);
    expect(written(whole, whole)).toBeUndefined();
    for (const nonsense of ['', '5', '9-3', 'a-b', '-3-5']) expect(read(nonsense, whole)).toEqual(whole);
    expect(same(read('0-10000', whole), whole)).toBe(true);
  });
});

describe('marks', () => {
  it('stand at round local times and are as exact as needed', () => {
    const noon = new Date(2026, 10, 21, 12, 0, 0).getTime();
    expect(ticks({ from: noon + 300, to: noon + 10_000 }, 10).map((t) => t.text)).toEqual([
      '12:00:01', '12:00:02', '12:00:03', '12:00:04', '12:00:05', '12:00:06', '12:00:07', '12:00:08', '12:00:09', '12:00:10',
    ]);
    expect(ticks({ from: noon, to: noon + 100 }, 4).map((t) => t.text)).toEqual(['12:00:00.000', '12:00:00.050', '12:00:00.100']);
    expect(ticks({ from: noon, to: noon + 2 * 3_600_000 }, 3).map((t) => t.text)).toEqual(['12:00', '13:00', '14:00']);
    expect(ticks({ from: noon, to: noon + 3 * 86_400_000 }, 4).map((t) => t.text)).toEqual(['2026-11-22', '2026-11-23', '2026-11-24']);
  });
});
