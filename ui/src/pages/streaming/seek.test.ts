import { expect, test } from 'vitest';
import { seek } from './seek';

/** Reports of which every seventh batch has none. */
const reports = Array.from({ length: 10_000 }, (_, n) => n).filter((n) => n % 7 !== 3);

async function find(wanted: number, points: number) {
  let asked = 0;
  const each = reports.length / points;
  const batch = Array.from({ length: points }, (_, n) => reports[Math.floor((n + 1) * each) - 1] ?? null);
  const at = await seek({ batch, batches: reports.length, points }, wanted, async (offset, length) => {
    asked++;
    return reports.slice(offset, offset + length);
  });
  return { at, asked };
}

test('a batch is found with few questions', async () => {
  for (const wanted of [0, 1, 50, 4999, 9998]) {
    const { at, asked } = await find(wanted, 1000);
    expect(reports[at ?? -1]).toBe(wanted);
    expect(asked).toBeLessThanOrEqual(2);
  }
});

test('even if the series says little', async () => {
  const { at, asked } = await find(7777, 2);
  expect(reports[at ?? -1]).toBe(7777);
  expect(asked).toBeLessThan(12);
});

test('a batch without a report is not found', async () => {
  expect((await find(3, 1000)).at).toBeUndefined();
  expect((await find(123_456, 1000)).at).toBeUndefined();
});
