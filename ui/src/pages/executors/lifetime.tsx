import { duration, time } from '../../core/format';
import { REMOVALS, type Row } from './rows';

/** From when to when an executor was there, within the application's time. */
export function Lifetime({ of, start, end }: { of: Row; start: number; end: number }) {
  if (of.added === undefined || end <= start) return null;
  const share = (t: number) => Math.max(0, Math.min(1, (t - start) / (end - start))) * 100;
  const from = share(of.added);
  const to = share(of.removed ?? end);
  const words = `Added ${time(of.added)}${of.removed === undefined ? '' : `, removed ${time(of.removed)}`}${of.life === undefined ? '' : `: ${duration(of.life)}`}${of.spark.removeReason ? `\n${of.spark.removeReason}` : ''}`;
  const tone = of.removed === undefined ? '' : REMOVALS[of.span?.class ?? 'other'].tone;
  return (
    <span class="executor-lifetime" title={words} role="img" aria-label={words}>
      <span class={`executor-lifetime-bar ${tone && 'removed'}`} style={{ left: `${from}%`, width: `${Math.max(0.8, to - from)}%` }}>
        {of.busy !== undefined && <i style={{ height: `${of.busy * 100}%` }} />}
        {tone && <b class={tone} />}
      </span>
    </span>
  );
}
