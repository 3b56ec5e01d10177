import { describe, expect, it } from 'vitest';
import { filterOf, matchersOf, until } from './filter';

describe('filters of incidents', () => {
  it('join what is repeated', () => {
    expect(filterOf(new URLSearchParams('state=firing&state=pending&q=+spill+&severity='))).toEqual({ state: 'firing,pending', q: 'spill' });
    expect(filterOf(new URLSearchParams())).toEqual({});
  });
});

describe('mutes and silences', () => {
  it('end after hours, or never', () => {
    expect(until('8', 1000)).toBe(28_801_000);
    expect(until('', 1000)).toBeNull();
  });
  it('have a matcher a line', () => expect(matchersOf('severity="info"\n\n rule=~"a|b" ')).toEqual(['severity="info"', 'rule=~"a|b"']));
});
