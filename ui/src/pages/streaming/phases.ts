import type { StreamingSeries, Values } from '../../api/ours';

/** The phases of a batch that add up to its duration, in the order in which they happen. */
const PHASES: [name: string, title: string][] = [
  ['latestOffset', 'Latest offset'],
  ['setOffsetRange', 'Latest offset'],
  ['getOffset', 'Latest offset'],
  ['walCommit', 'Write-ahead log'],
  ['getBatch', 'Get batch'],
  ['queryPlanning', 'Query planning'],
  ['addBatch', 'Add batch'],
  ['commitBatch', 'Commit batch'],
  ['commitOffsets', 'Commit offsets'],
];
const WHOLE = 'triggerExecution';
/** Parts of addBatch, which holds them already. */
const INSIDE = /^(addBatch\.|commit[A-Z].*StateStore)/;

export interface Phase {
  name: string;
  title: string;
  values: Values;
}

/** What a batch spent its time on; the rest is what no phase explains. */
export function phasesOf({ duration, time }: Pick<StreamingSeries, 'duration' | 'time'>): Phase[] {
  const ordered = [...PHASES.map(([name]) => name), ...Object.keys(duration).filter((name) => name !== WHOLE && !PHASES.some(([known]) => known === name) && !INSIDE.test(name)).sort()];
  const phases = ordered.filter((name) => name in duration).map((name) => ({ name, title: PHASES.find(([known]) => known === name)?.[1] ?? name, values: duration[name] ?? [] }));
  const whole = duration[WHOLE];
  if (!whole) return phases;
  const rest = time.map((_, n) => {
    const all = whole[n] ?? null;
    if (all === null) return null;
    return Math.max(0, all - phases.reduce((sum, phase) => sum + (phase.values[n] ?? 0), 0));
  });
  return rest.some((v) => v !== null && v > 0) ? [...phases, { name: 'rest', title: 'Other', values: rest }] : phases;
}

/** How long batches took: as Spark says, or else their phases together. */
export function batchDuration(series: Pick<StreamingSeries, 'duration' | 'time'>): Values {
  const whole = series.duration[WHOLE];
  if (whole) return whole;
  const phases = phasesOf(series);
  return series.time.map((_, n) => {
    const known = phases.flatMap((phase) => phase.values[n] ?? []);
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
  });
}

export interface Spread {
  count: number;
  median: number;
  p95: number;
  max: number;
  mean: number;
}

export function spreadOf(values: Values): Spread | undefined {
  const known = values.filter((v) => v !== null).sort((a, b) => a - b);
  const at = (share: number) => known[Math.min(known.length - 1, Math.floor(known.length * share))] ?? 0;
  if (known.length === 0) return undefined;
  return { count: known.length, median: at(0.5), p95: at(0.95), max: at(1), mean: known.reduce((a, b) => a + b, 0) / known.length };
}

/** How much of its capacity a query used, over batches with rows: what came over what could be processed in the same time. */
export function loadOf({ inputRate, processedRate, inputRows }: Pick<StreamingSeries, 'inputRate' | 'processedRate' | 'inputRows'>): number | undefined {
  let came = 0;
  let done = 0;
  for (const [n, rate] of inputRate.entries()) {
    const processed = processedRate[n] ?? null;
    if (rate === null || processed === null || !inputRows[n]) continue;
    came += rate;
    done += processed;
  }
  return done > 0 ? came / done : undefined;
}

/** The points from one time to another. Spark's clock may go back, so points are chosen, not cut. */
export function between(time: Values, from: number, to: number): number[] {
  return time.flatMap((t, n) => (t !== null && t >= from && t <= to ? [n] : []));
}
