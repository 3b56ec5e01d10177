import { Num } from '../../components/number';
import { clock, time, timeExact, UNKNOWN } from '../../core/format';

const DAY = 24 * 60 * 60 * 1000;

const milliseconds = (v: number): string => `.${String(new Date(v).getMilliseconds()).padStart(3, '0')}`;

/** A moment of an application, in a table: the time of day, with the date where that is not the day of its start. */
export function Moment({ v, start, fine }: { v: number | undefined; start: number | undefined; fine?: boolean }) {
  if (v === undefined) return <span class="muted">{UNKNOWN}</span>;
  return <Num title={timeExact(v)}>{start !== undefined && sameDay(v, start) ? clock(v) : time(v)}{fine && milliseconds(v)}</Num>;
}

export const sameDay = (a: number, b: number): boolean => Math.abs(a - b) < DAY && new Date(a).getDate() === new Date(b).getDate();

/** How wide a column of moments has to be. */
export const momentWidth = (start: number | undefined, end: number | undefined): number =>
  start !== undefined && end !== undefined && sameDay(start, end) ? 96 : 158;
