import { describe, expect, test } from 'vitest';
import { difference, told } from './diff';
import { idOf, planFrom } from './plans.test-data';

const sortMerge = `
AdaptiveSparkPlan isFinalPlan=false
  HashAggregate keys=[k#1]
    SortMergeJoin [a#2], [b#3], Inner
      Sort [a#2 ASC]
        Exchange hashpartitioning(a#2, 200), [plan_id=10]
          Filter isnotnull(a#2)
            Scan orders
      Sort [b#3 ASC]
        Exchange hashpartitioning(b#3, 200), [plan_id=11]
          Scan custs
`;

const broadcast = `
AdaptiveSparkPlan isFinalPlan=true
  HashAggregate keys=[k#1]
    BroadcastHashJoin [a#2], [b#3], Inner, BuildRight
      AQEShuffleRead local
        Exchange hashpartitioning(a#2, 200), [plan_id=77]
          Filter isnotnull(a#2)
            Scan orders
      BroadcastExchange HashedRelationBroadcastMode
        AQEShuffleRead local
          Exchange hashpartitioning(b#3, 200), [plan_id=78]
            Scan custs
`;

describe('what adaptive execution changed', () => {
  test('a sort-merge join that became a broadcast join', () => {
    const [before, after] = [planFrom(sortMerge), planFrom(broadcast)];
    const found = difference(before, after);
    expect(found.final.get(idOf(after, 'BroadcastHashJoin'))).toEqual({ kind: 'changed', with: idOf(before, 'SortMergeJoin') });
    expect(found.final.get(idOf(after, 'BroadcastExchange'))).toEqual({ kind: 'added' });
    expect(found.initial.get(idOf(before, 'Sort', 0))).toEqual({ kind: 'removed' });
    expect(found.initial.get(idOf(before, 'Sort', 1))).toEqual({ kind: 'removed' });
    // Plan ids and the plan's own state differ from one plan to the next, and mean nothing.
    for (const name of ['Exchange', 'Filter', 'Scan', 'HashAggregate', 'AdaptiveSparkPlan']) expect(found.final.get(idOf(after, name))).toEqual({ kind: 'same', with: idOf(before, name) });
    expect(told(found, before, after).map((one) => one.text)).toEqual([
      'SortMergeJoin → BroadcastHashJoin',
      'Sort removed (2)',
      'AQEShuffleRead (local) added (2)',
      'BroadcastExchange added',
    ]);
  });

  test('a plan that stayed as it was', () => {
    const plan = planFrom(sortMerge);
    const found = difference(plan, planFrom(sortMerge));
    expect([...found.final.values()].every((change) => change.kind === 'same')).toBe(true);
    expect(told(found, plan, planFrom(sortMerge))).toEqual([]);
  });

  test('a skewed join keeps its name and gets other arguments', () => {
    const before = planFrom('SortMergeJoin [a], [b], Inner\n  Scan a\n  Scan b');
    const after = planFrom('SortMergeJoin(skew=true) [a], [b], Inner\n  Scan a\n  Scan b');
    expect(told(difference(before, after), before, after).map((one) => one.text)).toEqual(['SortMergeJoin → SortMergeJoin(skew=true)']);
  });

  test('a side that turned out to be empty takes everything with it', () => {
    const before = planFrom('Project\n  SortMergeJoin\n    Scan a\n    Scan b');
    const after = planFrom('Project\n  EmptyRelation');
    const found = difference(before, after);
    expect(found.final.get(1)).toEqual({ kind: 'added' });
    expect([1, 2, 3].map((id) => found.initial.get(id)?.kind)).toEqual(['removed', 'removed', 'removed']);
  });

  test('an exchange that is reused stands for both that the first plan had', () => {
    const before = planFrom('SortMergeJoin\n  Exchange a\n    Scan t\n  Exchange a\n    Scan t');
    const after = planFrom('SortMergeJoin\n  Exchange a\n    Scan t');
    const once = { ...after, inputs: (id: number) => (id === 0 ? [1, 1] : after.inputs(id)) };
    const found = difference(before, once);
    expect([...found.initial.values()].map((change) => change.kind)).toEqual(['same', 'same', 'same', 'same', 'same']);
    expect(told(found, before, once).map((one) => one.text)).toEqual(['Exchange reused instead of run again']);
  });

  test('a chain of 2,000 is compared in no noticeable time', () => {
    const chain = (name: string) => planFrom(Array.from({ length: 40 }, (_, join) => `${' '.repeat(join * 25)}Join ${join}\n${Array.from({ length: 24 }, (_, n) => `${' '.repeat(join * 25 + n + 1)}${n % 2 ? 'Filter' : name} ${join}.${n}`).join('\n')}`).join('\n'));
    // The fastest of three: what else the machine does is not the algorithm's.
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      difference(chain('Project'), chain('Sort'));
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(1000);
  });
});
