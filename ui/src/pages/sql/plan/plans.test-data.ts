import type { PlanEdge, PlanNode } from '../../../api/ours';
import { type Plan, planOf } from './plan';

/** Plans for tests, written as Spark prints them: an operator, and below it, further in, what it reads. */
export function planFrom(text: string): Plan {
  const nodes: PlanNode[] = [];
  const edges: PlanEdge[] = [];
  const path: { depth: number; id: number }[] = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const depth = line.search(/\S/);
    const [, cluster, name = '', rest = ''] = /^\s*(?:\*\((\d+)\) )?(\S+) ?(.*)$/.exec(line) ?? [];
    const id = nodes.length;
    nodes.push({ id, name, description: `${name} ${rest}`.trim(), ...(cluster !== undefined && { cluster: 1000 + Number(cluster) }) });
    while ((path.at(-1)?.depth ?? -1) >= depth) path.pop();
    const consumer = path.at(-1);
    if (consumer) edges.push({ from: id, to: consumer.id });
    path.push({ depth, id });
  }
  for (const cluster of new Set(nodes.flatMap((node) => node.cluster ?? []))) nodes.push({ id: cluster, name: `WholeStageCodegen (${cluster - 1000})`, description: '' });
  return planOf({ nodes, edges });
}

export const idOf = (plan: Plan, name: string, nth = 0): number => plan.operators.filter((node) => node.name === name)[nth]?.id ?? NaN;
