import { describe, expect, it } from 'vitest';
import { lengthOf } from './lengths';
import { fits } from './list';
import { sameDay } from './moment';

describe('a search', () => {
  it('finds every word, wherever it is', () => {
    const texts = ['7', 'collect at c05_failures.py:59', undefined, 'FetchFailedException'];
    expect(fits('', texts)).toBe(true);
    expect(fits('fetch COLLECT', texts)).toBe(true);
    expect(fits('fetch parquet', texts)).toBe(false);
  });
});

describe('a length', () => {
  it('of what has not ended goes on to the last that is known', () => {
    expect(lengthOf(100, 350, 900)).toBe(250);
    expect(lengthOf(100, undefined, 900)).toBe(800);
    expect(lengthOf(undefined, 350, 900)).toBeUndefined();
    expect(lengthOf(100, undefined, undefined)).toBeUndefined();
    expect(lengthOf(500, 400, 900)).toBe(0);
  });
});

describe('a day', () => {
  it('is a local one', () => {
    const evening = new Date(2026, 10, 21, 23, 30).getTime();
    expect(sameDay(evening, evening + 20 * 60_000)).toBe(true);
    expect(sameDay(evening, evening + 40 * 60_000)).toBe(false);
    expect(sameDay(evening, evening + 31 * 86_400_000)).toBe(false);
  });
});
