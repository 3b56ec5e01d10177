import type { StageGraph } from '../../api/stages';

/** Edges between operators, from those between their RDDs; none to themselves, none twice. */
export function operatorLines({ operators, edges }: Pick<StageGraph, 'operators' | 'edges'>): { from: string; to: string }[] {
  const owner = new Map(operators.flatMap((o) => o.rdds.map((r) => [r.id, o.id] as const)));
  const found = new Map<string, { from: string; to: string }>();
  for (const edge of edges) {
    const from = owner.get(edge.from);
    const to = owner.get(edge.to);
    if (from !== undefined && to !== undefined && from !== to) found.set(`${from} ${to}`, { from, to });
  }
  return [...found.values()];
}
