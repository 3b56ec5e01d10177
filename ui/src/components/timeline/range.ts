/** The part of a timeline that is in view, and the marks of its axis. Epoch milliseconds. */

export interface Range {
  from: number;
  to: number;
}

/** Nobody needs to see less than this: logs know milliseconds. */
const LEAST = 4;

export const spanOf = ({ from, to }: Range): number => to - from;

/** `range` moved and, if need be, shortened so that it lies inside `whole`. */
export function inside(range: Range, whole: Range): Range {
  const span = Math.max(LEAST, spanOf(range));
  if (span >= spanOf(whole)) return whole;
  const from = Math.min(Math.max(range.from, whole.from), whole.to - span);
  return { from, to: from + span };
}

/** Zoomed by `factor` (below 1: closer) around a moment, which stays where it is on the screen. */
export function zoomed(range: Range, whole: Range, factor: number, around = (range.from + range.to) / 2): Range {
  const span = Math.max(LEAST, spanOf(range) * factor);
  const share = spanOf(range) > 0 ? (around - range.from) / spanOf(range) : 0.5;
  const from = around - span * share;
  return inside({ from, to: from + span }, whole);
}

export function moved(range: Range, whole: Range, by: number): Range {
  return inside({ from: range.from + by, to: range.to + by }, whole);
}

export const same = (a: Range, b: Range): boolean => Math.abs(a.from - b.from) < 0.5 && Math.abs(a.to - b.to) < 0.5;

/** `1200-5600`: milliseconds from the start, for the address. */
export function written(range: Range, whole: Range): string | undefined {
  return same(range, whole) ? undefined : `${Math.round(range.from - whole.from)}-${Math.round(range.to - whole.from)}`;
}

export function read(text: string, whole: Range): Range {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined || Number(to) <= Number(from)) return whole;
  return inside({ from: whole.from + Number(from), to: whole.from + Number(to) }, whole);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE,
  5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
];

export interface Tick {
  at: number;
  /** Local time, as exact as the step needs. */
  text: string;
}

/** At most `most` marks at round local times. */
export function ticks({ from, to }: Range, most: number): Tick[] {
  const step = STEPS.find((s) => (to - from) / s <= most) ?? 30 * DAY;
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((from - offset) / step) * step + offset;
  const found: Tick[] = [];
  for (let at = first; at <= to; at += step) found.push({ at, text: mark(at, step) });
  return found;
}

const two = (n: number): string => String(n).padStart(2, '0');

function mark(at: number, step: number): string {
  const d = new Date(at);
  if (step >= DAY) return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const minutes = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (step >= MINUTE) return minutes;
  const seconds = `${minutes}:${two(d.getSeconds())}`;
  return step >= SECOND ? seconds : `${seconds}.${String(d.getMilliseconds()).padStart(3, '0')}`;
}
