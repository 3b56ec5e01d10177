import { describe, expect, it } from 'vitest';
import { operatorLines } from './operators';

const rdd = (id: number) => ({ id, name: 'r', callSite: '', cached: false, barrier: false });

describe('edges between operators', () => {
  it('are those between their RDDs, once, and none inside', () => {
    const operators = [
      { id: 'read', name: 'Exchange', rdds: [rdd(1), rdd(2)] },
      { id: 'map', name: 'WholeStageCodegen (1)', rdds: [rdd(3), rdd(4)] },
    ];
    const edges = [{ from: 1, to: 2 }, { from: 2, to: 3 }, { from: 1, to: 3 }, { from: 3, to: 4 }, { from: 99, to: 1 }];
    expect(operatorLines({ operators, edges })).toEqual([{ from: 'read', to: 'map' }]);
  });
});
