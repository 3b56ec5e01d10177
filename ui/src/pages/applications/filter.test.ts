import { describe, expect, it } from 'vitest';
import { filterCount, filterOf, fromLocalField, localField } from './filter';

const at = (query: string) => filterOf(new URLSearchParams(query), 1_795_222_453_498);

describe('filters in the address', () => {
  it('may be repeated', () => {
    expect(at('status=failed&status=lost&q=+etl+')).toEqual({ q: 'etl', status: ['failed', 'lost'] });
  });
  it('bound the start, in words or in numbers', () => {
    expect(at('range=1h').from).toBe(Math.floor(1_795_222_453_498 / 60_000) * 60_000 - 3_600_000);
    expect(at('from=5&to=9')).toEqual({ from: 5, to: 9 });
    expect(at('from=x')).toEqual({});
  });
  it('are counted', () => expect(filterCount(new URLSearchParams('q=a&user=b&user=c&range=1h'))).toBe(3));
});

describe('fields for dates', () => {
  it('show local time and are read as such', () => {
    const ms = 1_795_222_440_000;
    expect(localField(ms)).toBe('2026-11-21T01:54');
    expect(fromLocalField(localField(ms))).toBe(String(ms));
    expect(fromLocalField('')).toBeUndefined();
  });
});
