import { describe, expect, test } from 'vitest';
import { CARD_HEIGHT, CARD_WIDTH, layout, type LayoutEdge, type LayoutNode, type Rect } from './layout';
import { meets } from './camera';

/** A tree of `size` nodes in which `of` says the consumer of each. */
function tree(size: number, of: (id: number) => number): { nodes: LayoutNode[]; edges: LayoutEdge[] } {
  const nodes = Array.from({ length: size }, (_, id) => ({ id }));
  return { nodes, edges: nodes.slice(1).map(({ id }) => ({ from: id, to: of(id) })) };
}

function overlaps(rects: Rect[]): number {
  let found = 0;
  for (const [n, a] of rects.entries()) for (const b of rects.slice(n + 1)) if (meets(a, b)) found++;
  return found;
}

/** The same numbers every time. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

describe('layout of a plan', () => {
  test('rows flow down: inputs stand above what reads them', () => {
    const { boxes } = layout([{ id: 0 }, { id: 1 }, { id: 2 }], [{ from: 1, to: 0 }, { from: 2, to: 1 }]);
    const y = (id: number) => boxes.get(id)?.y ?? NaN;
    expect(y(2)).toBeLessThan(y(1));
    expect(y(1)).toBeLessThan(y(0));
    expect(new Set([...boxes.values()].map((b) => b.x)).size).toBe(1);
  });

  test('a join stands in the middle of its two sides, the left one at the left', () => {
    const { boxes } = layout([{ id: 0 }, { id: 1 }, { id: 2 }], [{ from: 1, to: 0 }, { from: 2, to: 0 }]);
    const [join, left, right] = [0, 1, 2].map((id) => boxes.get(id)?.x ?? NaN);
    expect(left).toBeLessThan(right ?? NaN);
    expect(join).toBe(((left ?? NaN) + (right ?? NaN)) / 2);
  });

  test('operators compiled together stand in one column, with a frame that touches nothing else', () => {
    // 0 <- 1 <- 2 <- 3, of which 1 and 2 are one stage; 4 is joined in at 1.
    const nodes = [{ id: 0 }, { id: 1, frame: 9 }, { id: 2, frame: 9 }, { id: 3 }, { id: 4 }];
    const { boxes, frames } = layout(nodes, [{ from: 1, to: 0 }, { from: 4, to: 1 }, { from: 2, to: 1 }, { from: 3, to: 2 }]);
    const x = (id: number) => boxes.get(id)?.x;
    expect(x(1)).toBe(x(2));
    expect(frames).toHaveLength(1);
    const [frame] = frames;
    for (const id of [0, 3, 4]) expect(meets(frame ?? { x: 0, y: 0, width: 0, height: 0 }, boxes.get(id) ?? { x: 0, y: 0, width: 0, height: 0 })).toBe(false);
  });

  test('an exchange that two operators read stands above both', () => {
    // 0 joins 1 and 2; 2 <- 3; 1 and 3 both read 4.
    const edges = [{ from: 1, to: 0 }, { from: 2, to: 0 }, { from: 3, to: 2 }, { from: 4, to: 1 }, { from: 4, to: 3 }];
    const { boxes, routes } = layout([0, 1, 2, 3, 4].map((id) => ({ id })), edges);
    expect(routes).toHaveLength(5);
    for (const { y1, y2 } of routes) expect(y1).toBeLessThan(y2);
    expect(routes.filter((r) => r.long).map((r) => `${r.from} ${r.to}`)).toEqual(['4 1']);
    expect(overlaps([...boxes.values()])).toBe(0);
  });

  test.each([1, 2, 3, 4, 5])('no two cards of a grown tree overlap (%i)', (seed) => {
    const next = random(seed);
    const { nodes, edges } = tree(300, (id) => Math.max(0, id - 1 - Math.floor(next() ** 3 * 12)));
    const { boxes, width, height } = layout(nodes, edges);
    expect(boxes.size).toBe(300);
    expect(overlaps([...boxes.values()])).toBe(0);
    for (const { x, y } of boxes.values()) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(x + CARD_WIDTH).toBeLessThanOrEqual(width + 1e-6);
      expect(y + CARD_HEIGHT).toBeLessThanOrEqual(height + 1e-6);
    }
  });

  test('a long chain of joins stays narrow', () => {
    // Every third node of the chain reads a side branch of four.
    const nodes: LayoutNode[] = [];
    const edges: LayoutEdge[] = [];
    const add = (to?: number) => {
      const id = nodes.length;
      nodes.push({ id });
      if (to !== undefined) edges.push({ from: id, to });
      return id;
    };
    let trunk = add();
    for (let join = 0; join < 60; join++) {
      const next = add(trunk);
      for (let n = 0, side = trunk; n < 4; n++) side = add(side);
      trunk = next;
    }
    const { boxes, width } = layout(nodes, edges);
    expect(overlaps([...boxes.values()])).toBe(0);
    expect(width).toBeLessThan(8 * CARD_WIDTH);
  });

  test('2,000 operators take no noticeable time, however they hang together', () => {
    const next = random(7);
    const shapes = [(id: number) => id - 1, () => 0, (id: number) => Math.floor((id - 1) / 2), (id: number) => Math.floor(next() * id)];
    for (const of of shapes) {
      const { nodes, edges } = tree(2000, of);
      // The fastest of three: what else the machine does is not the algorithm's.
      const times = [1, 2, 3].map(() => {
        const start = performance.now();
        expect(layout(nodes, edges).boxes.size).toBe(2000);
        return performance.now() - start;
      });
      expect(Math.min(...times)).toBeLessThan(1000);
    }
  });

  test('a cycle, which no plan has, does not hang', () => {
    expect(layout([{ id: 0 }, { id: 1 }], [{ from: 0, to: 1 }, { from: 1, to: 0 }]).boxes.size).toBe(2);
  });
});
