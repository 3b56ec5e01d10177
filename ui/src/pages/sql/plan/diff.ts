import type { PlanNode } from '../../../api/ours';
import type { Plan } from './plan';
import { kindOf, plain, subtitle } from './operator';

/** What adaptive execution made of a plan. Both are walked from the root, side by side. */

export type Change =
  | { kind: 'same'; with: number }
  | { kind: 'changed'; with: number }
  /** Of the final plan only. */
  | { kind: 'added' }
  /** Of the initial plan only. */
  | { kind: 'removed' };

export interface Difference {
  initial: Map<number, Change>;
  final: Map<number, Change>;
}

export function difference(initial: Plan, final: Plan): Difference {
  const found: Difference = { initial: new Map(), final: new Map() };
  const todo: [readonly number[], readonly number[]][] = [[initial.roots, final.roots]];
  const walked = new Set<string>();
  // An exchange that is reused stands for several of the initial plan.
  const pair = (a: number, b: number) => {
    const kind = equal(initial.byId.get(a), final.byId.get(b)) ? 'same' : 'changed';
    if (!found.initial.has(a)) found.initial.set(a, { kind, with: b });
    if (!found.final.has(b)) found.final.set(b, { kind, with: a });
  };
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [as, bs] = next;
    for (const [a, b] of partners(initial, as, final, bs)) {
      if (walked.has(`${a} ${b}`)) continue;
      walked.add(`${a} ${b}`);
      const one = chain(initial, a);
      const other = chain(final, b);
      for (const [x, y] of common(one.map((id) => initial.byId.get(id)), other.map((id) => final.byId.get(id)))) {
        const [left, right] = [one[x], other[y]];
        if (left !== undefined && right !== undefined) pair(left, right);
      }
      todo.push([branches(initial, one), branches(final, other)]);
    }
  }
  for (const { id } of initial.operators) if (!found.initial.has(id)) found.initial.set(id, { kind: 'removed' });
  for (const { id } of final.operators) if (!found.final.has(id)) found.final.set(id, { kind: 'added' });
  return found;
}

/** `id` and its only input, that one's only input, and so on. Ends with the operator that has several or none. */
function chain(plan: Plan, id: number): number[] {
  const found: number[] = [];
  for (let at: number | undefined = id; at !== undefined && !found.includes(at); ) {
    found.push(at);
    const inputs = plan.inputs(at);
    at = inputs.length === 1 ? inputs[0] : undefined;
  }
  return found;
}

function branches(plan: Plan, of: number[]): readonly number[] {
  const last = of[of.length - 1];
  const inputs = last === undefined ? [] : plan.inputs(last);
  return inputs.length > 1 ? inputs : [];
}

/** Inputs belong together by their place; if one side has more, by what they read. */
function partners(a: Plan, as: readonly number[], b: Plan, bs: readonly number[]): [number, number][] {
  if (as.length === bs.length) return as.map((id, n) => [id, bs[n] ?? id]);
  const left = new Set(bs);
  const found: [number, number][] = [];
  for (const id of as) {
    const reads = sources(a, id);
    let best: number | undefined;
    let most = -1;
    for (const other of left) {
      const shared = sources(b, other).filter((one) => reads.includes(one)).length;
      if (shared > most) [best, most] = [other, shared];
    }
    if (best === undefined) break;
    left.delete(best);
    found.push([id, best]);
  }
  return found;
}

/** What the leaves above an operator read. */
function sources(plan: Plan, id: number): string[] {
  const found: string[] = [];
  const seen = new Set<number>();
  const left = [id];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const inputs = plan.inputs(at);
    if (inputs.length === 0) found.push(plain(plan.byId.get(at)?.description ?? ''));
    left.push(...inputs);
  }
  return found;
}

/** Pairs in the longest common order of two chains: equal ones count most, then those of a kind. */
function common(as: (PlanNode | undefined)[], bs: (PlanNode | undefined)[]): [number, number][] {
  const width = bs.length + 1;
  const best = new Float64Array((as.length + 1) * width);
  for (let x = as.length - 1; x >= 0; x--) {
    for (let y = bs.length - 1; y >= 0; y--) {
      const likeness = alike(as[x], bs[y]);
      best[x * width + y] = Math.max(
        best[(x + 1) * width + y] ?? 0,
        best[x * width + y + 1] ?? 0,
        likeness > 0 ? likeness + (best[(x + 1) * width + y + 1] ?? 0) : 0,
      );
    }
  }
  const pairs: [number, number][] = [];
  for (let x = 0, y = 0; x < as.length && y < bs.length; ) {
    const here = best[x * width + y] ?? 0;
    const likeness = alike(as[x], bs[y]);
    if (likeness > 0 && Math.abs(here - likeness - (best[(x + 1) * width + y + 1] ?? 0)) < 1e-9) pairs.push([x++, y++]);
    else if (here === (best[(x + 1) * width + y] ?? 0)) x++;
    else y++;
  }
  return pairs;
}

function alike(a: PlanNode | undefined, b: PlanNode | undefined): number {
  if (!a || !b) return 0;
  if (equal(a, b)) return 1;
  if (a.name === b.name) return 0.9;
  const [one, other] = [family(a.name), family(b.name)];
  return one !== undefined && one === other ? 0.5 : 0;
}

/** Operators that can stand for each other. */
function family(name: string): string | undefined {
  const kind = kindOf(name);
  if (kind === 'exchange' && /ShuffleRead|CustomShuffleReader/.test(name)) return undefined;
  return kind === 'join' || kind === 'aggregate' || kind === 'limit' || kind === 'scan' || kind === 'write' ? kind : kind === 'exchange' || kind === 'broadcast' ? 'exchange' : undefined;
}

function equal(a: PlanNode | undefined, b: PlanNode | undefined): boolean {
  return a !== undefined && b !== undefined && a.name === b.name && settled(a) === settled(b);
}

/** The description without what says only how far execution came. */
function settled({ name, description }: PlanNode): string {
  return name === 'AdaptiveSparkPlan' ? '' : plain(description).replace(/\[plan_id=\d+\]/, '');
}

export function isChanged({ initial, final }: Difference): boolean {
  return [...initial.values(), ...final.values()].some((change) => change.kind !== 'same');
}

export interface Told {
  text: string;
  /** Operators of the final plan, else of the initial one. */
  ids: number[];
  of: 'final' | 'initial';
}

/** The changes in words, weightiest first: what became something else, what went, what came. */
export function told({ initial, final }: Difference, before: Plan, after: Plan): Told[] {
  const changed = new Map<string, number[]>();
  const detail = new Map<string, number[]>();
  for (const [id, change] of final) {
    if (change.kind !== 'changed') continue;
    const [was, is] = [before.byId.get(change.with)?.name ?? '', after.byId.get(id)?.name ?? ''];
    if (was === is) list(detail, is, id);
    else list(changed, `${was} → ${is}`, id);
  }
  const removed = named(initial, before, 'removed');
  const added = named(final, after, 'added');
  const reused = new Map<string, number[]>();
  const partners = new Map<number, number>();
  for (const change of initial.values()) if ('with' in change) partners.set(change.with, (partners.get(change.with) ?? 0) + 1);
  for (const [id, n] of partners) if (n > 1 && /Exchange|^Subquery/.test(after.byId.get(id)?.name ?? '')) list(reused, after.byId.get(id)?.name ?? '', id);
  return [
    ...entries(changed, (what, n) => `${what}${times(n)}`, 'final'),
    ...entries(reused, (what, n) => `${what} reused instead of run again${times(n)}`, 'final'),
    ...entries(removed, (what, n) => `${what} removed${times(n)}`, 'initial'),
    ...entries(added, (what, n) => `${what} added${times(n)}`, 'final'),
    ...entries(detail, (what, n) => `${what} with other arguments${times(n)}`, 'final'),
  ];
}

const times = (n: number): string => (n > 1 ? ` (${n})` : '');

function named(changes: Map<number, Change>, plan: Plan, kind: 'added' | 'removed'): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [id, change] of changes) if (change.kind === kind) list(found, titled(plan.byId.get(id)), id);
  return found;
}

/** How a shuffle is read is what adaptive execution decides: coalesced, local, skewed. */
function titled(node: PlanNode | undefined): string {
  if (!node) return '';
  return node.name === 'AQEShuffleRead' ? `${node.name} (${subtitle(node)})` : node.name;
}

function list(to: Map<string, number[]>, key: string, id: number): void {
  const ids = to.get(key);
  if (ids) ids.push(id);
  else to.set(key, [id]);
}

function entries(of: Map<string, number[]>, text: (what: string, n: number) => string, from: Told['of']): Told[] {
  return [...of].map(([what, ids]) => ({ text: text(what, ids.length), ids, of: from }));
}
