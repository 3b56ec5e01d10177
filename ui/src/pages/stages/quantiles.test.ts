import { describe, expect, it } from 'vitest';
import { placeOf } from './quantiles';

describe('where a quantile stands', () => {
  it('is as in Spark: no interpolation, and never beyond the last', () => {
    expect([0, 0.25, 0.5, 0.75, 0.95, 1].map((q) => placeOf(q, 4))).toEqual([0, 1, 2, 3, 3, 3]);
    expect(placeOf(0.5, 1)).toBe(0);
    expect(placeOf(1, 0)).toBe(0);
  });
});
