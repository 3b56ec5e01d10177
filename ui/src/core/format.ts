/** Numbers as people read them. Every short form has an exact one beside it, for the title. */

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const three = new Intl.NumberFormat('en-US', { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });

/** What stands where a value is not known. */
export const UNKNOWN = '–';

export type Known = number | undefined | null;

const known = (n: Known): n is number => n !== undefined && n !== null && Number.isFinite(n);

/** 1,234,567; fractions to two digits. */
export function count(n: Known): string {
  if (!known(n)) return UNKNOWN;
  return Number.isInteger(n) ? integer.format(n) : decimal.format(n);
}

/** 1 task, 2 tasks. */
export function counted(n: Known, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const THOUSANDS = ['', ' K', ' M', ' G', ' T'];

/** 1.23 M, for axes and other narrow places. */
export function compact(n: Known): string {
  if (!known(n)) return UNKNOWN;
  return scaled(n, 1000, THOUSANDS, n);
}

const SIZES = [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB', ' EiB'];

/** 1.90 GiB. */
export function bytes(n: Known): string {
  if (!known(n)) return UNKNOWN;
  return scaled(n, 1024, SIZES, n);
}

export function bytesExact(n: Known): string {
  return known(n) ? `${integer.format(n)} bytes` : 'not known';
}

function scaled(n: number, base: number, units: string[], original: number): string {
  let size = Math.abs(n);
  let unit = 0;
  // 999.5 would be written as 1000 with three digits.
  while (size >= (unit === 0 ? base : Math.min(base, 999.5)) && unit < units.length - 1) {
    size /= base;
    unit += 1;
  }
  const text = unit === 0 ? decimal.format(size) : three.format(size);
  return `${original < 0 ? '−' : ''}${text}${units[unit] ?? ''}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds: 412 ms, 3.41 s, 12 min 05 s, 5 h 12 min, 3 d 4 h. */
export function duration(ms: Known): string {
  if (!known(ms)) return UNKNOWN;
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms === 0) return '0 ms';
  if (ms < 0.001) return '<1 ns';
  if (ms < 1) return `${decimal.format(ms)} ms`;
  if (ms < 999.5) return `${ms < 10 ? decimal.format(ms) : integer.format(ms)} ms`;
  if (ms < MINUTE - 50) return `${ms < 9995 ? (ms / SECOND).toFixed(2) : (ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR - 500) return parts(ms, MINUTE, 'min', SECOND, 's');
  if (ms < DAY - MINUTE / 2) return parts(ms, HOUR, 'h', MINUTE, 'min');
  return parts(ms, DAY, 'd', HOUR, 'h');
}

function parts(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const whole = Math.round(ms / small);
  const ratio = large / small;
  const rest = String(whole % ratio).padStart(large === DAY ? 1 : 2, '0');
  return `${integer.format(Math.floor(whole / ratio))} ${largeName} ${rest} ${smallName}`;
}

export function durationExact(ms: Known): string {
  return known(ms) ? `${count(ms)} ms` : 'not known';
}

/** Nanoseconds, as Spark measures CPU and shuffle writes. */
export function nanos(ns: Known): string {
  return duration(known(ns) ? ns / 1e6 : undefined);
}

export function nanosExact(ns: Known): string {
  return known(ns) ? `${integer.format(ns)} ns` : 'not known';
}

/** A share of one: 12.3%, <0.1%, >99.9%. */
export function percent(share: Known): string {
  if (!known(share)) return UNKNOWN;
  if (share === 0) return '0%';
  if (share === 1) return '100%';
  const p = share * 100;
  if (p > 0 && p < 0.1) return '<0.1%';
  if (p < 100 && p > 99.9) return '>99.9%';
  return `${p >= 99.95 && p < 100 ? '99.9' : p.toFixed(1)}%`;
}

export function percentExact(share: Known): string {
  return known(share) ? `${decimal.format(share * 100)}%` : 'not known';
}

/** 1,234 rows/s. */
export function rate(perSecond: Known, unit: string): string {
  if (!known(perSecond)) return UNKNOWN;
  const text = Math.abs(perSecond) >= 100_000 ? compact(perSecond) : decimal.format(Number(perSecond.toPrecision(4)));
  return `${text} ${unit}/s`;
}

const two = (n: number): string => String(n).padStart(2, '0');

function day(d: Date): string {
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** 03:20:15, local. */
export function clock(ms: Known): string {
  if (!known(ms)) return UNKNOWN;
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** 2026-11-21 03:20:15, local. */
export function time(ms: Known): string {
  if (!known(ms)) return UNKNOWN;
  return `${day(new Date(ms))} ${clock(ms)}`;
}

/** Local time with its zone and UTC, to the millisecond. */
export function timeExact(ms: Known): string {
  if (!known(ms)) return 'not known';
  const d = new Date(ms);
  const minutes = -d.getTimezoneOffset();
  const away = Math.abs(minutes);
  const zone = `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(away / 60))}:${two(away % 60)}`;
  const fraction = String(d.getMilliseconds()).padStart(3, '0');
  return `${time(ms)}.${fraction} local (${zone})\n${d.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** 3 min ago; exact enough for a glance. */
export function ago(ms: Known, now: number): string {
  if (!known(ms)) return UNKNOWN;
  const past = now - ms;
  if (past < 0) return `in ${about(-past)}`;
  return past < 2 * SECOND ? 'just now' : `${about(past)} ago`;
}

function about(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} days`;
}
