/** Round marks of axes, in the steps that suit a unit. */

export type ScaleUnit = 'ms' | 'ns' | 'bytes' | 'count';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const TIMES = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 96, 192].map((n) => n * HOUR),
];

/** The smallest round step that is not below `least`. */
export function stepOf(least: number, unit: ScaleUnit): number {
  if (!(least > 0)) return 1;
  if (unit === 'ns') return least < 1e6 ? decimal(least) : stepOf(least / 1e6, 'ms') * 1e6;
  if (unit === 'ms' && least >= 1) return TIMES.find((s) => s >= least) ?? decimal(least);
  if (unit === 'bytes' && least >= 1) return 2 ** Math.ceil(Math.log2(least));
  return Math.max(unit === 'ms' ? 0 : 1, decimal(least));
}

function decimal(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((n) => n * power >= least * 0.999999) ?? 10) * power;
}

interface Scale {
  low: number;
  high: number;
  marks: number[];
}

/** Some `most` round marks from `low` to beyond `high`; the scale ends with marks. */
export function scaleOf(low: number, high: number, unit: ScaleUnit, most = 5): Scale {
  const step = stepOf((high - low) / most, unit);
  const first = Math.floor(low / step) * step;
  const last = Math.max(first + step, Math.ceil(high / step - 1e-9) * step);
  return { low: first, high: last, marks: marksIn(first, last, step) };
}

/** Round marks inside a range that is given. */
export function marksOf(low: number, high: number, unit: ScaleUnit, most = 5): number[] {
  const step = stepOf((high - low) / most, unit);
  return marksIn(Math.ceil(low / step - 1e-9) * step, high, step);
}

function marksIn(first: number, last: number, step: number): number[] {
  const marks: number[] = [];
  for (let at = 0; first + at * step <= last + step * 1e-6 && at < 100; at++) marks.push(first + at * step);
  return marks;
}

/** From zero, unless all values are far from it, as moments are. */
export function scaleFor(values: readonly number[], unit: ScaleUnit, most = 5): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!Number.isFinite(low)) return scaleOf(0, 1, unit, most);
  return scaleOf(low >= 0 && low < high * 0.9 ? 0 : low, high, unit, most);
}
