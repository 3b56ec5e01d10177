import type { PlanNode } from '../../../api/ours';
import { type Cluster, clusterTime, type Plan, type Spent, spent, sumTime, upstream } from './plan';
import { isMinor, subtitle } from './operator';

/** How much of a plan is drawn: every operator, without those that only hand rows on, or one card a codegen stage. */
export type Detail = 'all' | 'main' | 'stages';

/** What is drawn as one box. */
export interface Card extends Spent {
  /** Of the operator or the codegen stage; negative for the branches of an operator that are folded into one card. */
  id: number;
  kind: 'operator' | 'stage' | 'branches';
  node: PlanNode;
  /** All whose metrics it stands for. */
  nodes: PlanNode[];
  title: string;
  subtitle: string;
  /** The codegen stage whose frame is around it. */
  frame?: number;
  /** Operators behind it that are not drawn. */
  hidden: number;
  /** Whether its inputs are folded away by the reader. */
  folded: boolean;
}

export interface Line {
  from: number;
  to: number;
  /** The operator whose rows go along. */
  rows: number;
}

export interface Drawn {
  cards: Card[];
  lines: Line[];
  /** The card that an operator or a codegen stage is on. */
  cardOf: (id: number) => number | undefined;
}

export interface View {
  detail: Detail;
  /** What differs from what the detail says: operators whose inputs are folded, codegen stages folded or opened, branches opened. */
  toggled: ReadonlySet<number>;
  /** Operators that must be drawn, however minor. */
  keep: ReadonlySet<number>;
}

/** More inputs than this, and only the costliest are drawn. */
const BRANCHES = 12;
const BRANCHES_SHOWN = 6;
/** Minor operators that take this share of the time are drawn. */
const NOT_MINOR = 0.01;

export const branchesOf = (id: number): number => -1 - id;

/** What of a plan is drawn. */
export function visible(plan: Plan, { detail, toggled, keep }: View): Drawn {
  const home = new Map<number, number>();
  const folded = (cluster: Cluster) => cluster.members.length > 1 && (detail === 'stages') !== toggled.has(cluster.node.id);
  const stage = (id: number): Cluster | undefined => {
    const cluster = plan.clusters.get(plan.byId.get(id)?.cluster ?? NaN);
    return cluster && folded(cluster) ? cluster : undefined;
  };
  const passed = (id: number): boolean => {
    if (detail === 'all' || keep.has(id)) return false;
    const node = plan.byId.get(id);
    const [first, ...more] = plan.inputs(id);
    return node !== undefined && isMinor(node.name) && first !== undefined && more.length === 0 && (node.share ?? 0) < NOT_MINOR && stage(id) === undefined;
  };
  /** The operator that is drawn for `id`: itself, or the first one behind those that are passed over. */
  const shown = (id: number): number => {
    let at = id;
    while (passed(at)) at = plan.inputs(at)[0] ?? at;
    return at;
  };
  const cardId = (id: number): number => stage(id)?.node.id ?? id;

  const cards = new Map<number, Card>();
  const lines = new Map<string, Line>();
  const queue: number[] = [];

  const meet = (id: number): number => {
    const at = cardId(id);
    if (!cards.has(at)) {
      const cluster = stage(id);
      const card = cluster ? stageCard(plan, cluster) : operatorCard(plan, id, toggled.has(id));
      if (!card) return at;
      cards.set(at, card);
      queue.push(at);
    }
    return at;
  };

  for (const root of plan.roots) meet(shown(root));
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const card = cards.get(at);
    if (!card || card.folded) continue;
    const members = card.kind === 'stage' ? (plan.clusters.get(at)?.members ?? []) : [at];
    const inputs = unique(members.flatMap((id) => plan.inputs(id)).map(shown)).filter((id) => cardId(id) !== at);
    const drawn = inputs.length > BRANCHES && !toggled.has(branchesOf(at)) ? costliest(plan, inputs) : inputs;
    for (const input of drawn) {
      const from = meet(input);
      lines.set(`${from} ${at}`, { from, to: at, rows: input });
    }
    if (drawn.length < inputs.length) {
      const rest = inputs.filter((id) => !drawn.includes(id));
      const group = branchesCard(plan, at, rest);
      cards.set(group.id, group);
      lines.set(`${group.id} ${at}`, { from: group.id, to: at, rows: group.id });
    }
  }
  const all = [...cards.values()];
  for (const card of all) if (card.folded) card.hidden = upstream(plan, card.id).filter((id) => id !== card.id && !isDrawn(cards, cardId(id))).length;

  for (const node of plan.byId.values()) {
    const at = plan.clusters.has(node.id) ? node.id : cardId(passed(node.id) ? shown(node.id) : node.id);
    if (cards.has(at)) home.set(node.id, at);
  }
  return { cards: all, lines: [...lines.values()], cardOf: (id) => home.get(id) };
}

const isDrawn = (cards: Map<number, Card>, id: number): boolean => cards.has(id);

const unique = (ids: number[]): number[] => [...new Set(ids)];

function operatorCard(plan: Plan, id: number, folded: boolean): Card | undefined {
  const node = plan.byId.get(id);
  if (!node) return undefined;
  const inside = plan.clusters.has(node.cluster ?? NaN);
  return {
    id,
    kind: 'operator',
    node,
    nodes: [node],
    title: node.name,
    subtitle: subtitle(node),
    ...(inside && node.cluster !== undefined && { frame: node.cluster }),
    ...spent(node),
    hidden: 0,
    folded: folded && plan.inputs(id).length > 0,
  };
}

function stageCard(plan: Plan, cluster: Cluster): Card {
  const members = cluster.members.flatMap((id) => plan.byId.get(id) ?? []);
  const names = members.map((node) => node.name);
  const main = names.filter((name) => !isMinor(name));
  return {
    id: cluster.node.id,
    kind: 'stage',
    node: cluster.node,
    nodes: [cluster.node, ...members],
    title: (main.length > 0 ? main : names).join(' ← '),
    subtitle: `${cluster.node.name}, ${names.length} operators`,
    ...clusterTime(plan, cluster),
    hidden: names.length,
    folded: false,
  };
}

function branchesCard(plan: Plan, parent: number, branches: number[]): Card {
  const behind = unique(branches.flatMap((id) => upstream(plan, id))).flatMap((id) => plan.byId.get(id) ?? []);
  const node = plan.byId.get(parent) ?? { id: parent, name: '', description: '' };
  return {
    id: branchesOf(parent),
    kind: 'branches',
    node,
    nodes: behind,
    title: `${branches.length} more inputs`,
    subtitle: `${behind.length} operators; open to draw them`,
    ...sumTime(behind),
    hidden: behind.length,
    folded: false,
  };
}

/** The inputs that took most time, in the plan's order. */
function costliest(plan: Plan, inputs: number[]): number[] {
  const cost = new Map(inputs.map((id) => [id, upstream(plan, id).reduce((sum, at) => sum + (plan.byId.get(at)?.time ?? 0), 0)]));
  const top = new Set([...inputs].sort((a, b) => (cost.get(b) ?? 0) - (cost.get(a) ?? 0)).slice(0, BRANCHES_SHOWN));
  return inputs.filter((id) => top.has(id));
}

/** Detail to begin with: a plan that fits a screen or two is shown whole. */
export function firstDetail(operators: number): Detail {
  return operators > 250 ? 'stages' : 'all';
}

/** What must be toggled so that an operator is on a card: whatever folds it away is opened. */
export function reveal(plan: Plan, view: View, id: number): Set<number> {
  const toggled = new Set(view.toggled);
  const turn = (one: number) => (toggled.has(one) ? toggled.delete(one) : toggled.add(one));
  for (let tries = 0; tries < plan.operators.length; tries++) {
    const drawn = visible(plan, { ...view, toggled });
    if (drawn.cardOf(id) !== undefined) return toggled;
    const behind = nearest(plan, id, (at) => drawn.cardOf(at) !== undefined);
    if (behind === undefined) return toggled;
    turn(drawn.cards.some((card) => card.id === behind && card.folded) ? behind : branchesOf(drawn.cardOf(behind) ?? behind));
  }
  return toggled;
}

/** The first consumer on the way to the root that fits. */
function nearest(plan: Plan, id: number, fits: (id: number) => boolean): number | undefined {
  const seen = new Set([id]);
  const queue = [id];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const consumer of plan.consumers(at)) {
      if (fits(consumer)) return consumer;
      if (!seen.has(consumer)) queue.push(consumer);
      seen.add(consumer);
    }
  }
  return undefined;
}
