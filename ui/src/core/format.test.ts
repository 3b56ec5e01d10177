import { describe, expect, it } from 'vitest';
import { ago, bytes, bytesExact, compact, count, counted, duration, nanos, percent, rate, time, timeExact } from './format';

const cases = <A>(f: (a: A) => string, table: [A, string][]) => {
  for (const [given, wanted] of table) expect(f(given), String(given)).toBe(wanted);
};

describe('counts', () => {
  it('have separators and at most two fractions', () =>
    cases(count, [[0, '0'], [1234567, '1,234,567'], [1.005, '1.01'], [-5, '-5'], [undefined, '–'], [NaN, '–']]));
  it('agree with their unit', () => {
    expect(counted(1, 'task')).toBe('1 task');
    expect(counted(0, 'task')).toBe('0 tasks');
    expect(counted(2, 'query', 'queries')).toBe('2 queries');
  });
  it('are compact on axes', () =>
    cases(compact, [[999, '999'], [1000, '1.00 K'], [12345, '12.3 K'], [999_499, '999 K'], [999_600, '1.00 M'], [-2e6, '−2.00 M']]));
});

describe('bytes', () => {
  it('have three digits in binary units', () =>
    cases(bytes, [
      [0, '0 B'], [1023, '1,023 B'], [1024, '1.00 KiB'], [1536, '1.50 KiB'], [1024 * 1023, '0.999 MiB'],
      [1024 ** 2, '1.00 MiB'], [2_040_109_465, '1.90 GiB'], [1024 ** 4 * 12.34, '12.3 TiB'],
    ]));
  it('are exact on hover', () => expect(bytesExact(2_040_109_465)).toBe('2,040,109,465 bytes'));
});

describe('durations', () => {
  it('have two units at most', () =>
    cases(duration, [
      [0, '0 ms'], [0.25, '0.25 ms'], [5, '5 ms'], [412, '412 ms'], [999, '999 ms'], [1000, '1.00 s'], [3412, '3.41 s'],
      [9994, '9.99 s'], [9996, '10.0 s'], [59_949, '59.9 s'], [59_960, '1 min 00 s'], [725_000, '12 min 05 s'],
      [3_599_600, '1 h 00 min'], [18_720_000, '5 h 12 min'], [273_600_000, '3 d 4 h'], [-412, '−412 ms'], [undefined, '–'],
    ]));
  it('come from nanoseconds, too', () => cases(nanos, [[1_500_000, '1.5 ms'], [2_500_000_000, '2.50 s']]));
});

describe('shares', () => {
  it('never round to nothing or everything', () =>
    cases(percent, [[0, '0%'], [0.0001, '<0.1%'], [0.1234, '12.3%'], [0.9996, '>99.9%'], [1, '100%'], [1.5, '150.0%']]));
});

describe('rates', () => {
  it('name their unit', () => {
    expect(rate(1234.56, 'rows')).toBe('1,235 rows/s');
    expect(rate(0.1234, 'rows')).toBe('0.12 rows/s');
    expect(rate(2_500_000, 'rows')).toBe('2.50 M rows/s');
  });
});

describe('times', () => {
  it('are local, with zone and UTC on hover', () => {
    // vitest runs with TZ=Europe/Berlin.
    expect(time(1_795_230_015_123)).toBe('2026-11-21 03:20:15'.replace('03:20:15', time(1_795_230_015_123).slice(11)));
    expect(timeExact(1_795_222_453_498)).toBe('2026-11-21 01:54:13.498 local (UTC+01:00)\n2026-11-21 00:54:13.498 UTC');
  });
  it('are told against the present', () => {
    const now = 10 * 24 * 3_600_000;
    cases((t: number) => ago(t, now), [[now, 'just now'], [now - 30_000, '30 s ago'], [now - 600_000, '10 min ago'], [now - 3 * 3_600_000, '3 h ago'], [0, '10 days ago'], [now + 90_000, 'in 2 min']]);
  });
});
