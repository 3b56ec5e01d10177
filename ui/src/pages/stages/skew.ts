import type { Unit } from '../../api/stages';
import { count } from '../../core/format';
import { type Measure, MEASURES, measured, quantile, show, type TaskSummary } from './measures';

/** How uneven the tasks of a stage are. */

/** From here on a ratio of the largest to the median is worth a word. */
const NOTABLE = 3;
export const SEVERE = 10;

/** Smaller values are noise, whatever their ratio. */
export const MATTERS: Record<Unit, number> = { ms: 500, ns: 5e8, bytes: 1 << 20, count: 10_000 };

export interface Skew {
  max: number;
  median: number;
  /** Infinity where the median is 0. */
  ratio: number;
  level: 'even' | 'notable' | 'severe';
}

export function skewOf(summary: TaskSummary, of: Measure): Skew | undefined {
  const median = quantile(summary, of, 0.5);
  const max = quantile(summary, of, 1);
  return median === undefined || max === undefined ? undefined : skew(median, max, of.unit);
}

export function skew(median: number, max: number, unit: Unit): Skew {
  const ratio = max === 0 ? 1 : median === 0 ? Infinity : max / median;
  const level = max < MATTERS[unit] || ratio < NOTABLE ? 'even' : ratio < SEVERE ? 'notable' : 'severe';
  return { max, median, ratio, level };
}

/** 8.2, 140: as exact as a ratio needs. */
export function times(ratio: number): string {
  if (!Number.isFinite(ratio)) return '∞';
  return ratio >= 100 ? count(Math.round(ratio)) : ratio >= 9.95 ? String(Math.round(ratio)) : ratio.toFixed(1);
}

/** The fewest of the largest tasks that hold a share worth telling; undefined if the data are spread. */
export function concentration(largest: readonly number[], total: number, tasks: number): { tasks: number; share: number } | undefined {
  if (total <= 0 || tasks < 4) return undefined;
  let held = 0;
  for (const [at, value] of largest.entries()) {
    held += value;
    const share = held / total;
    const fair = (at + 1) / tasks;
    // A few tasks, far beyond their part, with what follows being much smaller.
    const next = largest[at + 1] ?? 0;
    if (share >= 0.3 && share >= 3 * fair && next < value / 2) return { tasks: at + 1, share: Math.min(1, share) };
    if (share >= 0.6 && share >= 3 * fair) return { tasks: at + 1, share: Math.min(1, share) };
  }
  return undefined;
}

/** The measure of data that a stage's tasks differ in most, to ask for its largest tasks. */
export function mostSkewed(summary: TaskSummary): Measure | undefined {
  const most = (ids: string[]) => {
    const rated = ids.map(measured).map((of) => ({ of, skew: skewOf(summary, of) })).filter((r) => r.skew && r.skew.level !== 'even');
    return rated.sort((a, b) => (b.skew?.ratio ?? 0) - (a.skew?.ratio ?? 0))[0]?.of;
  };
  // Records that compress well are few bytes, and slow all the same.
  return most(['shuffleRead', 'inputSize', 'shuffleWrite', 'outputSize']) ?? most(['shuffleReadRecords', 'inputRecords']);
}

/** In a list of stages: one short word on skew. */
export function skewHint(summary: TaskSummary): { text: string; title: string; level: Skew['level'] } | undefined {
  const rated = MEASURES.filter((m) => ['duration', 'shuffleRead', 'inputSize'].includes(m.id)).map((of) => ({ of, skew: skewOf(summary, of) }));
  const worst = rated.filter((r) => r.skew && r.skew.level !== 'even').sort((a, b) => (b.skew?.ratio ?? 0) - (a.skew?.ratio ?? 0));
  const slow = rated.find((r) => r.of.id === 'duration');
  const said = slow?.skew && slow.skew.level !== 'even' ? slow : worst[0];
  if (!said?.skew) return undefined;
  const { ratio, max, median, level } = said.skew;
  const what = said.of.id === 'duration' ? '' : ` ${said.of.title.toLowerCase()}`;
  return {
    text: `${times(ratio)}×${what}`,
    title: `${said.of.title}: the largest task has ${show(said.of.unit, max)}, the median is ${show(said.of.unit, median)}`,
    level,
  };
}
