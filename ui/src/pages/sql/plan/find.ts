import type { Plan } from './plan';

/** Operators whose name, description or number has all the words; undefined if there are no words. */
export function search(plan: Plan, query: string): Set<number> | undefined {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return undefined;
  const fits = (text: string) => words.every((word) => text.includes(word));
  return new Set(plan.operators.filter((node) => fits(`${node.name} ${node.description}`.toLowerCase())).map((node) => node.id));
}
