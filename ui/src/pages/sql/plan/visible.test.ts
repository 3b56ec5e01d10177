import { describe, expect, test } from 'vitest';
import { planOf } from './plan';
import { idOf, planFrom } from './plans.test-data';
import { branchesOf, type Detail, reveal, visible } from './visible';

const view = (detail: Detail, toggled: number[] = [], keep: number[] = []) => ({ detail, toggled: new Set(toggled), keep: new Set(keep) });

const plan = planFrom(`
AdaptiveSparkPlan
  *(3) HashAggregate
    AQEShuffleRead coalesced
      Exchange
        *(2) HashAggregate
          *(2) Project
            *(2) SortMergeJoin
              *(1) Sort
                Scan a
              Scan b
`);

const names = (drawn: ReturnType<typeof visible>) => drawn.cards.map((card) => card.title);
const edges = (drawn: ReturnType<typeof visible>) => drawn.lines.map((line) => `${line.from}-${line.to}`);

describe('what of a plan is drawn', () => {
  test('everything, with the stage around it', () => {
    const drawn = visible(plan, view('all'));
    expect(drawn.cards).toHaveLength(10);
    expect(drawn.lines).toHaveLength(9);
    expect(drawn.cards.find((card) => card.title === 'Project')?.frame).toBe(1002);
    expect(drawn.cards.find((card) => card.title === 'Exchange')?.frame).toBeUndefined();
  });

  test('the main operators: others are passed over, and edges go on', () => {
    const drawn = visible(plan, view('main'));
    expect(names(drawn)).toEqual(['HashAggregate', 'Exchange', 'HashAggregate', 'SortMergeJoin', 'Sort', 'Scan', 'Scan']);
    expect(edges(drawn)).toContain(`${idOf(plan, 'Exchange')}-${idOf(plan, 'HashAggregate')}`);
    expect(drawn.cardOf(idOf(plan, 'AQEShuffleRead'))).toBe(idOf(plan, 'Exchange'));
  });

  test('a minor operator is drawn if it is chosen or took time', () => {
    const project = idOf(plan, 'Project');
    expect(names(visible(plan, view('main', [], [project])))).toContain('Project');
    const slow = planOf({ nodes: [...plan.byId.values()].map((node) => (node.id === project ? { ...node, time: 50, share: 0.2 } : node)), edges: edges(visible(plan, view('all'))).map((one) => ({ from: Number(one.split('-')[0]), to: Number(one.split('-')[1]) })) });
    expect(names(visible(slow, view('main')))).toContain('Project');
  });

  test('codegen stages as one card each; one of a single operator stays that operator', () => {
    const drawn = visible(plan, view('stages'));
    const stage = drawn.cards.find((card) => card.kind === 'stage');
    expect(stage?.title).toBe('HashAggregate ← SortMergeJoin');
    expect(stage?.hidden).toBe(3);
    expect(names(drawn)).toContain('Sort');
    expect(drawn.cardOf(idOf(plan, 'SortMergeJoin'))).toBe(1002);
    expect(visible(plan, view('stages', [1002])).cards.filter((card) => card.kind === 'stage')).toHaveLength(0);
    expect(visible(plan, view('all', [1002])).cards.filter((card) => card.kind === 'stage')).toHaveLength(1);
  });

  test('a folded operator hides what only it reads', () => {
    const exchange = idOf(plan, 'Exchange');
    const drawn = visible(plan, view('all', [exchange]));
    expect(names(drawn)).toEqual(['AdaptiveSparkPlan', 'HashAggregate', 'AQEShuffleRead', 'Exchange']);
    expect(drawn.cards.find((card) => card.id === exchange)?.hidden).toBe(6);
    expect(drawn.cardOf(idOf(plan, 'Scan'))).toBeUndefined();
  });

  test('a shared input stays while somebody else reads it', () => {
    const shared = planOf({
      nodes: ['Join', 'Filter', 'Filter', 'Exchange', 'Scan'].map((name, id) => ({ id, name, description: name })),
      edges: [[1, 0], [2, 0], [3, 1], [3, 2], [4, 3]].map(([from = 0, to = 0]) => ({ from, to })),
    });
    expect(visible(shared, view('all', [1])).cards).toHaveLength(5);
    expect(visible(shared, view('all', [1, 2])).cards).toHaveLength(3);
  });

  test('of very many inputs the costliest are drawn, and the rest is one card that opens', () => {
    const nodes = [{ id: 0, name: 'Union', description: '' }, ...Array.from({ length: 50 }, (_, n) => ({ id: n + 1, name: 'Scan', description: '', time: n, share: n / 2000 }))];
    const union = planOf({ nodes, edges: nodes.slice(1).map(({ id }) => ({ from: id, to: 0 })) });
    const drawn = visible(union, view('all'));
    expect(drawn.cards.filter((card) => card.kind === 'operator').map((card) => card.id)).toEqual([0, 45, 46, 47, 48, 49, 50]);
    const rest = drawn.cards.find((card) => card.kind === 'branches');
    expect(rest).toMatchObject({ id: branchesOf(0), title: '44 more inputs', time: (43 * 44) / 2 });
    expect(visible(union, view('all', [branchesOf(0)])).cards).toHaveLength(51);
    expect(reveal(union, view('all'), 3)).toEqual(new Set([branchesOf(0)]));
  });

  test('revealing an operator opens all that folds it away', () => {
    const toggled = reveal(plan, view('all', [idOf(plan, 'Exchange'), idOf(plan, 'Sort')]), idOf(plan, 'Scan'));
    expect(toggled).toEqual(new Set());
    expect(reveal(plan, view('stages'), idOf(plan, 'Project'))).toEqual(new Set());
  });
});
