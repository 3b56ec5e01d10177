import { describe, expect, test } from 'vitest';
import { planText } from './plan-text';
import { idOf, planFrom } from './plans.test-data';

const formatted = `== Physical Plan ==
AdaptiveSparkPlan (9)
+- == Final Plan ==
   * SortMergeJoin Inner (6)
   :- * Sort (3)
   :  +- AQEShuffleRead (2), coalesced
   :     +- ShuffleQueryStage (1), Statistics(sizeInBytes=9.2 MiB)
   +- * Sort (5)
      +- * Range (4)
+- == Initial Plan ==
   SortMergeJoin Inner (8)
   :- Sort (7)

(3) Sort [codegen id : 3]
Input [1]: [cust#2L]

(5) Sort [codegen id : 4]
Input [1]: [cust#7L]

(6) SortMergeJoin [codegen id : 5]
Join type: Inner


===== Subqueries =====

Subquery:1 Hosting operator id = 3 Hosting Expression = Subquery subquery#12
HashAggregate (11)
+- Range (10)


(11) HashAggregate
Keys: []
`;

describe('operators in the text of a plan', () => {
  const plan = planFrom(`
AdaptiveSparkPlan
  *(5) SortMergeJoin
    *(3) Sort
      Subquery
        HashAggregate
          Range
      AQEShuffleRead
    *(4) Sort
      *(4) Range
`);
  const text = planText(formatted, plan);
  const line = (id: number) => text.lines[text.treeLine.get(id) ?? -1]?.trim();

  test('are found in the final plan, not in the initial one', () => {
    expect(line(idOf(plan, 'SortMergeJoin'))).toBe('* SortMergeJoin Inner (6)');
    expect(line(idOf(plan, 'Sort', 0))).toBe(':- * Sort (3)');
    expect(line(idOf(plan, 'Sort', 1))).toBe('+- * Sort (5)');
    expect(line(idOf(plan, 'Range', 1))).toBe('+- * Range (4)');
  });

  test('of a subquery are found below the plan', () => {
    expect(line(idOf(plan, 'HashAggregate'))).toBe('HashAggregate (11)');
    expect(line(idOf(plan, 'Range', 0))).toBe('+- Range (10)');
    expect(line(idOf(plan, 'Subquery'))).toBeUndefined();
  });

  test('have the paragraph that says more', () => {
    const said = (id: number) => text.lines.slice(...(text.section.get(id) ?? [0, 0])).join('\n');
    expect(said(idOf(plan, 'Sort', 1))).toBe('(5) Sort [codegen id : 4]\nInput [1]: [cust#7L]');
    expect(said(idOf(plan, 'SortMergeJoin'))).toBe('(6) SortMergeJoin [codegen id : 5]\nJoin type: Inner');
    expect(said(idOf(plan, 'HashAggregate'))).toBe('(11) HashAggregate\nKeys: []');
    expect(text.operatorAt.get(text.lines.indexOf('Join type: Inner'))).toBe(idOf(plan, 'SortMergeJoin'));
  });

  test('are found in plans that are not formatted, too', () => {
    const simple = planText('== Physical Plan ==\n*(1) Project [id#0L]\n+- *(1) Filter (id#0L > 1)\n   +- *(1) Range (0, 10, step=1)', planFrom('Project\n  Filter\n    Range'));
    expect([...simple.treeLine]).toEqual([[0, 1], [1, 2], [2, 3]]);
  });
});
