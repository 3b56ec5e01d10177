import type { PlanNode, SqlMetric, SqlMetricType } from '../../../api/ours';
import * as f from '../../../core/format';
import type { Plan } from './plan';
import { keepsRows, kindOf } from './operator';

export function metricText(type: SqlMetricType, value: number | undefined): string {
  switch (type) {
    case 'size':
      return f.bytes(value);
    case 'timing':
      return f.duration(value);
    case 'nsTiming':
      return f.nanos(value);
    default:
      return f.count(value);
  }
}

export function metricExact(type: SqlMetricType, value: number | undefined): string {
  switch (type) {
    case 'size':
      return f.bytesExact(value);
    case 'timing':
      return f.durationExact(value);
    case 'nsTiming':
      return f.nanosExact(value);
    default:
      return value === undefined ? 'not known' : f.count(value);
  }
}

export function metricOf(node: PlanNode, ...names: string[]): SqlMetric | undefined {
  for (const name of names) {
    const found = node.metrics?.find((m) => m.name === name && m.value !== undefined);
    if (found) return found;
  }
  return undefined;
}

/** An exchange can be read more than once: what it holds is what was written. */
const OWN_ROWS = ['number of output rows', 'shuffle records written', 'records read'];

/** Rows that an operator hands on: its own count, or that of its only input if it changes no number of rows. */
export function rowsOut(plan: Plan, id: number): number | undefined {
  const passed = new Set<number>();
  for (let at = id; !passed.has(at); ) {
    passed.add(at);
    const node = plan.byId.get(at);
    if (!node) return undefined;
    const own = metricOf(node, ...OWN_ROWS)?.value;
    if (own !== undefined) return own;
    const inputs = plan.inputs(at);
    const [only] = inputs;
    if (!keepsRows(node.name) || only === undefined || inputs.length !== 1) return undefined;
    at = only;
  }
  return undefined;
}

export interface Fact {
  text: string;
  exact: string;
}

const HEADLINES: Partial<Record<ReturnType<typeof kindOf>, string[]>> = {
  scan: ['size of files read', 'number of files read', 'scan time'],
  write: ['written output', 'number of written files'],
  exchange: ['shuffle bytes written', 'data size', 'number of coalesced partitions'],
  broadcast: ['data size', 'time to broadcast'],
  aggregate: ['peak memory', 'number of sort fallback tasks'],
  sort: ['peak memory'],
  window: ['peak memory'],
  python: ['data sent to Python workers', 'time to run Python workers'],
  subquery: ['data size', 'time to collect'],
  state: ['number of total state rows', 'memory used by state'],
};

const SHORT: Record<string, (value: number) => string> = {
  'number of files read': (n) => f.counted(n, 'file'),
  'number of written files': (n) => f.counted(n, 'file'),
  'peak memory': (n) => `${f.bytes(n)} peak`,
  'number of coalesced partitions': (n) => f.counted(n, 'partition'),
  'number of total state rows': (n) => f.counted(n, 'state row'),
  'number of sort fallback tasks': (n) => f.counted(n, 'sort fallback'),
};

/** What a card has room for: rows, and the one or two numbers that matter most for this kind of operator. */
export function headlines(node: PlanNode): Fact[] {
  const facts: Fact[] = [];
  const rows = metricOf(node, ...OWN_ROWS);
  if (rows?.value !== undefined) facts.push({ text: rows.value >= 1e7 ? `${f.compact(rows.value)} rows` : f.counted(rows.value, 'row'), exact: `${rows.name}: ${f.count(rows.value)}` });
  for (const name of HEADLINES[kindOf(node.name)] ?? []) {
    const metric = metricOf(node, name);
    if (!metric?.value || facts.length >= 2) continue;
    facts.push({ text: SHORT[name]?.(metric.value) ?? metricText(metric.type, metric.value), exact: `${name}: ${metricExact(metric.type, metric.value)}` });
  }
  return facts;
}

/** Of a codegen stage as a whole. */
export function stageHeadlines(stage: PlanNode): Fact[] {
  const duration = metricOf(stage, 'duration');
  return duration ? [{ text: metricText(duration.type, duration.value), exact: `duration of all its tasks: ${metricExact(duration.type, duration.value)}` }] : [];
}

interface Flag {
  kind: 'spill' | 'uneven';
  text: string;
  exact: string;
}

/** Buffers of this size spill in plans that do well. */
const SPILL_BYTES = 1024 * 1024;
/** Below this, uneven tasks hurt nobody. */
const UNEVEN_MS = 1000;
const UNEVEN_RATIO = 4;

/** What the metrics say is wrong. */
export function flags(node: PlanNode): Flag[] {
  const found: Flag[] = [];
  const spill = metricOf(node, 'spill size');
  if (spill?.value !== undefined && spill.value >= SPILL_BYTES) found.push(spillFlag(spill.value));
  let worst: Flag | undefined;
  let most = 0;
  for (const metric of node.metrics ?? []) {
    const { max, median } = metric;
    if (max === undefined || median === undefined || (metric.type !== 'timing' && metric.type !== 'nsTiming')) continue;
    const ms = metric.type === 'nsTiming' ? max / 1e6 : max;
    if (ms < UNEVEN_MS || max < median * UNEVEN_RATIO || ms <= most) continue;
    most = ms;
    const ratio = median > 0 ? `${(max / median).toFixed(max / median < 10 ? 1 : 0)}×` : 'one task';
    const words = (v: number) => metricText(metric.type, v);
    worst = { kind: 'uneven', text: `uneven ${ratio}`, exact: `${metric.name}: the slowest task took ${words(max)}, the median ${words(median)}` };
  }
  if (worst) found.push(worst);
  return found;
}

/** Of several operators: their spill together, and the most uneven. */
export function flagsOf(nodes: PlanNode[]): Flag[] {
  const [only] = nodes;
  if (nodes.length === 1 && only) return flags(only);
  const spilled = nodes.reduce((sum, node) => sum + (metricOf(node, 'spill size')?.value ?? 0), 0);
  const uneven = nodes.flatMap(flags).find((flag) => flag.kind === 'uneven');
  return [...(spilled >= SPILL_BYTES ? [spillFlag(spilled)] : []), ...(uneven ? [uneven] : [])];
}

const spillFlag = (bytes: number): Flag => ({ kind: 'spill', text: `spill ${f.bytes(bytes)}`, exact: `spill size: ${f.bytesExact(bytes)}` });

/** Shares as steps, so that a glance orders them; 0 is not worth a colour. */
export const HEAT_STEPS = [0.01, 0.05, 0.15, 0.3, 0.5] as const;

export function heat(share: number | undefined): number {
  if (share === undefined) return 0;
  return HEAT_STEPS.filter((step) => share >= step).length;
}
