import type { PlanGraph, PlanNode } from '../../../api/ours';

/** A plan as a graph that can be walked. Rows go from inputs to consumers; the root is what hands out the result. */
export interface Plan {
  /** Without codegen clusters, root first. */
  operators: PlanNode[];
  /** WholeStageCodegen nodes by id. */
  clusters: Map<number, Cluster>;
  byId: Map<number, PlanNode>;
  roots: number[];
  /** In the plan's order: left side first. */
  inputs: (id: number) => readonly number[];
  consumers: (id: number) => readonly number[];
}

export interface Cluster {
  node: PlanNode;
  members: number[];
}

const NONE: readonly number[] = [];

export function planOf({ nodes, edges }: PlanGraph): Plan {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const clusters = new Map<number, Cluster>();
  const linked = new Set(edges.flatMap(({ from, to }) => [from, to]));
  for (const node of nodes) if (isCodegen(node) && !linked.has(node.id)) clusters.set(node.id, { node, members: [] });
  const operators = nodes.filter((node) => !clusters.has(node.id)).sort((a, b) => a.id - b.id);
  for (const { id, cluster } of operators) if (cluster !== undefined) clusters.get(cluster)?.members.push(id);

  const inputs = new Map<number, number[]>();
  const consumers = new Map<number, number[]>();
  for (const { from, to } of edges) {
    if (!byId.has(from) || !byId.has(to) || from === to) continue;
    add(inputs, to, from);
    add(consumers, from, to);
  }
  return {
    operators,
    clusters,
    byId,
    roots: operators.filter((node) => !consumers.has(node.id)).map((node) => node.id),
    inputs: (id) => inputs.get(id) ?? NONE,
    consumers: (id) => consumers.get(id) ?? NONE,
  };
}

function add(to: Map<number, number[]>, key: number, value: number): void {
  const list = to.get(key);
  if (!list) to.set(key, [value]);
  // The same exchange can feed both sides of a join: one edge is drawn.
  else if (!list.includes(value)) list.push(value);
}

export const isCodegen = (node: { name: string }): boolean => node.name.startsWith('WholeStageCodegen');

export interface Spent {
  time?: number;
  share?: number;
}

/** What a codegen stage took: the server says it, else it is the sum of its operators. */
export function clusterTime(plan: Plan, { node, members }: Cluster): Spent {
  return node.time === undefined ? sumTime(members.map((id) => plan.byId.get(id))) : spent(node);
}

export function spent({ time, share }: PlanNode): Spent {
  return { ...(time !== undefined && { time }), ...(share !== undefined && { share }) };
}

export function sumTime(nodes: (PlanNode | undefined)[]): Spent {
  const total: Spent = {};
  for (const node of nodes) {
    if (node?.time !== undefined) total.time = (total.time ?? 0) + node.time;
    if (node?.share !== undefined) total.share = (total.share ?? 0) + node.share;
  }
  return total;
}

/** Everything whose rows reach `id`, itself first. */
export function upstream(plan: Plan, id: number): number[] {
  const seen = new Set([id]);
  const found: number[] = [];
  const left = [id];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    found.push(next);
    for (const input of plan.inputs(next)) {
      if (seen.has(input)) continue;
      seen.add(input);
      left.push(input);
    }
  }
  return found;
}

/** Equal for plans of the same operators, whatever they have measured. */
export function shapeOf(plan: Plan): string {
  return plan.operators.map((node) => `${node.id} ${node.name}`).join();
}
