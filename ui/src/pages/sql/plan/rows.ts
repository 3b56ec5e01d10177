import type { PlanNode } from '../../../api/ours';
import type { Plan } from './plan';

export interface OperatorRow {
  node: PlanNode;
  /** In which the plan is told: an operator, then what it reads from. */
  order: number;
  /** Further in where an operator reads from several, as in the text plan. */
  depth: number;
}

export function operatorRows(plan: Plan): OperatorRow[] {
  const rows: OperatorRow[] = [];
  const seen = new Set<number>();
  const left = [...plan.roots].reverse().map((id) => ({ id, depth: 0 }));
  for (let at = left.pop(); at; at = left.pop()) {
    const node = plan.byId.get(at.id);
    if (!node || seen.has(at.id)) continue;
    seen.add(at.id);
    rows.push({ node, order: rows.length + 1, depth: at.depth });
    const inputs = plan.inputs(at.id);
    const depth = at.depth + (inputs.length > 1 ? 1 : 0);
    for (const id of [...inputs].reverse()) left.push({ id, depth });
  }
  return rows;
}
