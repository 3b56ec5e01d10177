import type { Rule } from '../../api/findings';

/** Families of rules, in the order in which the server tells of them. */

const TITLES: Record<string, string> = { sql: 'SQL', log: 'Event log', files: 'Files and tables', state: 'Streaming state' };

export function familyTitle(family: string): string {
  return TITLES[family] ?? family.charAt(0).toUpperCase() + family.slice(1);
}

export function byFamily(rules: Rule[]): [string, Rule[]][] {
  return [...new Set(rules.map((r) => r.family))].map((family) => [family, rules.filter((r) => r.family === family)]);
}
