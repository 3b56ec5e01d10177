import { expect, test } from 'vitest';
import { heaped } from './heap';

test('series on top of each other', () => {
  expect(heaped([[1, null, null], [2, 3, null]])).toEqual([[1, 0, null], [3, 3, null]]);
  expect(heaped([])).toEqual([]);
});
