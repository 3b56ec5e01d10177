import { describe, expect, it } from 'vitest';
import { arrange } from './layout';
import { rounded } from './path';

describe('a graph', () => {
  const boxes = ['a', 'b', 'c', 'd'].map((id) => ({ id, width: 100, height: 40 }));

  it('is laid out in the direction of its arrows, without overlaps', () => {
    const { nodes, width, height } = arrange(boxes, [{ from: 'a', to: 'c' }, { from: 'b', to: 'c' }, { from: 'c', to: 'd' }], 'right');
    const at = (id: string) => nodes.get(id) ?? { x: NaN, y: NaN };
    expect(at('a').x).toBe(at('b').x);
    expect(Math.abs(at('a').y - at('b').y)).toBeGreaterThanOrEqual(40);
    expect(at('c').x).toBeGreaterThan(at('a').x + 100);
    expect(at('d').x).toBeGreaterThan(at('c').x + 100);
    for (const { x, y } of nodes.values()) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + 100).toBeLessThanOrEqual(width);
      expect(y + 40).toBeLessThanOrEqual(height);
    }
  });

  it('has no lines from or to what is not there', () => {
    const { lines } = arrange(boxes, [{ from: 'a', to: 'a' }, { from: 'a', to: 'zzz' }, { from: 'a', to: 'b' }], 'down');
    expect(lines.map((l) => [l.from, l.to])).toEqual([['a', 'b']]);
    expect(lines[0]?.points.length).toBeGreaterThan(1);
  });
});

describe('a line', () => {
  it('goes through its points with round corners', () => {
    expect(rounded([])).toBe('');
    expect(rounded([{ x: 0, y: 0 }, { x: 10, y: 0 }])).toBe('M0 0L10 0');
    expect(rounded([{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 10 }])).toBe('M0 0Q10 0 10 5L10 10');
  });
});
