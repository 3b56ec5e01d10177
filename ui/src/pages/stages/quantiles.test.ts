import { describe, expect, it } from 'vitest';
import { measured, quantile, summaryOf, used, valuesOf } from './measures';

describe('quantiles', () => {
  const summary = summaryOf({
    tasks: 3,
    quantiles: [0, 0.5, 1],
    metrics: [
      { name: 'duration', unit: 'ms', values: [1, 2, 9], minAt: { task: 4, index: 0, executor: '1' }, maxAt: { task: 6, index: 2, executor: '2' } },
      { name: 'gcTime', unit: 'ms', values: [0, 0, 0] },
      { name: 'ofTomorrow', unit: 'count', values: [1, 1, 1] },
    ],
  });
  it('are found by the names of measures', () => {
    expect(quantile(summary, measured('duration'), 0.5)).toBe(2);
    expect(quantile(summary, measured('duration'), 0.75)).toBeUndefined();
    expect(valuesOf(summary, measured('inputSize'))).toEqual([]);
    expect(summary.of.get('duration')?.maxAt?.task).toBe(6);
  });
  it('that are all 0 say nothing', () => expect(used(summary).map((m) => m.id)).toEqual(['duration']));
});
