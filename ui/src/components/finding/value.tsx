import type { Evidence } from '../../api/findings';
import { count } from '../../core/format';
import { LongText } from '../long-text';
import { Bytes, Count, Duration, Num, Percent, Time } from '../number';

/** A number of a finding, in its unit. */
export function EvidenceValue({ of: { name, value, unit } }: { of: Evidence }) {
  if (typeof value === 'string') return value.trim().includes('\n') ? <LongText text={value} label={name} lines={3} /> : <>{value}</>;
  switch (unit) {
    case 'ms':
      return <Duration v={value} />;
    case 'bytes':
      return <Bytes v={value} />;
    case 'time':
      return <Time v={value} />;
    case 'share':
      return <Percent v={value} />;
    case 'ratio':
      return <Num title={`${value} times`}>{times(value)}</Num>;
    default:
      return <Count v={value} />;
  }
}

/** 8.2×, 120×. */
export function times(n: number): string {
  return `${n >= 100 ? count(Math.round(n)) : count(Number(n.toPrecision(2)))}×`;
}
