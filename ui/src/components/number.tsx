import type { ComponentChildren } from 'preact';
import * as f from '../core/format';
import './number.css';

/** Numbers with their unit, and the exact value on hover. */

interface Value {
  v: f.Known;
}

export function Num({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <span class="num" title={title}>
      {children}
    </span>
  );
}

export const Count = ({ v, unit }: Value & { unit?: string }) => (
  <Num title={v == null ? 'not known' : `${f.count(v)}${unit ? ` ${unit}` : ''}`}>{f.count(v)}</Num>
);

export const Bytes = ({ v }: Value) => <Num title={f.bytesExact(v)}>{f.bytes(v)}</Num>;

/** Milliseconds. */
export const Duration = ({ v }: Value) => <Num title={f.durationExact(v)}>{f.duration(v)}</Num>;

/** Nanoseconds. */
export const Nanos = ({ v }: Value) => <Num title={f.nanosExact(v)}>{f.nanos(v)}</Num>;

/** A share of one. */
export const Percent = ({ v }: Value) => <Num title={f.percentExact(v)}>{f.percent(v)}</Num>;

export const Rate = ({ v, unit }: Value & { unit: string }) => (
  <Num title={v == null ? 'not known' : `${v} ${unit} per second`}>{f.rate(v, unit)}</Num>
);

/** A moment: local time, with zone and UTC on hover. With `now` how long ago it was. */
export function Time({ v, now }: Value & { now?: number }) {
  if (v == null) return <Num title="not known">{f.UNKNOWN}</Num>;
  return (
    <time class="num" dateTime={new Date(v).toISOString()} title={f.timeExact(v)}>
      {now === undefined ? f.time(v) : f.ago(v, now)}
    </time>
  );
}
