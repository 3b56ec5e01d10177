import { expect, test } from 'vitest';
import { filled, fit, held, showing, zoomed } from './camera';

const view = { width: 1000, height: 600 };

test('the whole plan is in the middle, and never larger than life', () => {
  expect(fit({ width: 100, height: 100 }, view)).toEqual({ x: -450, y: -250, k: 1 });
  const far = fit({ width: 20_000, height: 100 }, view);
  expect(far.k).toBeCloseTo(0.0472);
  expect(far.x * far.k).toBeCloseTo(-28);
});

test('zooming keeps what is under the pointer', () => {
  const before = { x: 10, y: 20, k: 0.5 };
  const at = { x: 300, y: 200 };
  const after = zoomed(before, 2, at, 0.1);
  expect(after.k).toBe(1);
  expect(after.x + at.x / after.k).toBe(before.x + at.x / before.k);
  expect(after.y + at.y / after.k).toBe(before.y + at.y / before.k);
});

test('zooming ends where nothing is gained', () => {
  expect(zoomed({ x: 0, y: 0, k: 1 }, 99, { x: 0, y: 0 }, 0.1).k).toBe(2);
  expect(zoomed({ x: 0, y: 0, k: 1 }, 0.001, { x: 0, y: 0 }, 0.1).k).toBe(0.1);
});

test('the plan cannot be lost', () => {
  const content = { width: 400, height: 400 };
  expect(held({ x: 99_999, y: -99_999, k: 1 }, content, view)).toEqual({ x: 320, y: -520, k: 1 });
});

test('a card is brought into view by the shortest way', () => {
  const card = { x: 1200, y: 100, width: 200, height: 70 };
  expect(showing({ x: 0, y: 0, k: 1 }, card, view)).toEqual({ x: 424, y: 0, k: 1 });
  expect(showing({ x: 1000, y: 0, k: 1 }, card, view)).toEqual({ x: 1000, y: 0, k: 1 });
});

test('no emptiness is shown beside a plan that is larger than the view', () => {
  expect(filled({ x: -500, y: 9000, k: 1 }, { width: 300, height: 5000 }, view)).toEqual({ x: -350, y: 4428, k: 1 });
});
