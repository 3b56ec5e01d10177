/** Where bars of a timeline are drawn: no markup, no canvas. Times are epoch milliseconds. */

export interface Bar {
  key: string;
  start: number;
  end: number;
  title: string;
  /** A colour token, e.g. `--c1`. */
  color: string;
  /** Bars of one level share rows; levels are drawn below each other. 0 unless told. */
  level?: number;
  /** What the bar consists of, from its start on; drawn instead of the title. */
  parts?: { length: number; color: string }[];
  /** Did not do what it should: drawn with a cross. */
  failed?: boolean;
  /** Drawn with stripes: stopped, or not counted. */
  striped?: boolean;
  href?: string;
}

export interface Lane {
  key: string;
  title: string;
  sub?: string;
  href?: string;
  bars: Bar[];
}

export interface Row {
  /** From the top of all lanes, pixels. */
  top: number;
  height: number;
  /** By start; none overlaps the next. */
  bars: Bar[];
}

interface PlacedLane {
  lane: Lane;
  top: number;
  height: number;
  rows: Row[];
}

export interface Placed {
  lanes: PlacedLane[];
  height: number;
}

/** Heights of the rows of each level, pixels; the last is for all deeper ones. */
export type RowHeights = readonly number[];

const GAP = 2;
const PADDING = 5;
const LEAST = 26;

/** Puts each bar into the first row in which its predecessors have ended. */
export function pack(bars: readonly Bar[]): Bar[][] {
  const rows: Bar[][] = [];
  const ends: number[] = [];
  for (const bar of [...bars].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const free = ends.findIndex((end) => end <= bar.start);
    const at = free === -1 ? rows.length : free;
    (rows[at] ??= []).push(bar);
    ends[at] = Math.max(bar.end, bar.start + 1);
  }
  return rows;
}

export function place(lanes: readonly Lane[], heights: RowHeights): Placed {
  const placed: PlacedLane[] = [];
  let top = 0;
  for (const lane of lanes) {
    const rows: Row[] = [];
    let at = top + PADDING;
    for (const level of levelsOf(lane.bars)) {
      const height = heights[Math.min(level, heights.length - 1)] ?? 14;
      for (const bars of pack(lane.bars.filter((b) => (b.level ?? 0) === level))) {
        rows.push({ top: at, height, bars });
        at += height + GAP;
      }
    }
    const height = Math.max(LEAST, at - GAP + PADDING - top);
    placed.push({ lane, top, height, rows });
    top += height;
  }
  return { lanes: placed, height: top };
}

function levelsOf(bars: readonly Bar[]): number[] {
  return [...new Set(bars.map((b) => b.level ?? 0))].sort((a, b) => a - b);
}

/** The part of `bars` that reaches into the range; bars are those of a row. */
export function between(bars: readonly Bar[], from: number, to: number): [first: number, end: number] {
  const first = search(bars, (b) => Math.max(b.end, b.start + 1) > from);
  return [first, Math.max(first, search(bars, (b) => b.start > to))];
}

/** The first bar for which `is` holds, if it holds for all behind it. */
function search(bars: readonly Bar[], is: (bar: Bar) => boolean): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const bar = bars[middle];
    if (bar && is(bar)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Lanes that have a bar in the range. */
export function lanesDuring(lanes: readonly Lane[], from: number, to: number): Lane[] {
  return lanes.filter((lane) => lane.bars.some((b) => b.start <= to && b.end >= from));
}

/** Lanes that are in view. */
export function lanesIn(placed: Placed, top: number, bottom: number): PlacedLane[] {
  return placed.lanes.filter((l) => l.top < bottom && l.top + l.height > top);
}

/** The bar at a time and height; `reach` is how far, in milliseconds, a bar too thin to be hit may be. */
export function barAt(placed: Placed, y: number, time: number, reach: number): Bar | undefined {
  const row = placed.lanes.find((l) => y >= l.top && y < l.top + l.height)?.rows.find((r) => y >= r.top - 1 && y <= r.top + r.height + 1);
  if (!row) return undefined;
  const [first, end] = between(row.bars, time - reach, time + reach);
  let best: Bar | undefined;
  let away = Infinity;
  for (let at = first; at < end; at++) {
    const bar = row.bars[at];
    if (!bar) continue;
    const distance = time < bar.start ? bar.start - time : time > bar.end ? time - bar.end : 0;
    if (distance < away) [best, away] = [bar, distance];
  }
  return best;
}

/** How many bars are there at once, on average over each of `steps` parts of the range. */
export function density(lanes: readonly Lane[], from: number, to: number, steps: number, level?: number): number[] {
  const sums = new Array<number>(steps).fill(0);
  const step = (to - from) / steps;
  if (!(step > 0)) return sums;
  for (const lane of lanes) {
    for (const bar of lane.bars) {
      if (level !== undefined && (bar.level ?? 0) !== level) continue;
      const first = Math.max(0, Math.floor((bar.start - from) / step));
      const last = Math.min(steps - 1, Math.floor((bar.end - from) / step));
      for (let at = first; at <= last; at++) {
        const left = Math.max(bar.start, from + at * step);
        const right = Math.min(bar.end, from + (at + 1) * step);
        sums[at] = (sums[at] ?? 0) + Math.max(0, right - left) / step;
      }
    }
  }
  return sums;
}
