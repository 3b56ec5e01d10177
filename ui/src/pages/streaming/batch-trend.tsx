import { type StreamingRun, streamingSeries } from '../../api/ours';
import { useResource } from '../../api/resource';
import { Duration } from '../../components/number';
import type { AppRef } from '../../core/address';
import { duration } from '../../core/format';
import { batchDuration, spreadOf } from './phases';

const POINTS = 60;
const WIDTH = 96;
const HEIGHT = 26;

/** How long batches took, in a line beside the median. Asked for when its row comes into view. */
export function BatchTrend({ app, run }: { app: AppRef; run: StreamingRun }) {
  const series = useResource(run.progressReports > 0 ? streamingSeries(app, run.runId, POINTS) : undefined, { live: run.active });
  if (run.progressReports === 0) return <span class="muted">no report yet</span>;
  if (!series.data) return <span class="muted">{series.error ? '–' : '…'}</span>;
  const values = batchDuration(series.data);
  const spread = spreadOf(values);
  if (!spread) return null;
  const x = (n: number) => (values.length < 2 ? WIDTH / 2 : (n / (values.length - 1)) * (WIDTH - 2) + 1);
  const y = (v: number) => HEIGHT - 2 - (v / spread.max) * (HEIGHT - 4);
  const points = values.flatMap((v, n) => (v === null ? [] : [`${x(n).toFixed(1)} ${y(v).toFixed(1)}`]));
  return (
    <span class="batch-trend" title={`median ${duration(spread.median)}, 95% below ${duration(spread.p95)}, longest ${duration(spread.max)}`}>
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {points.length === 1 ? <circle cx={WIDTH / 2} cy={HEIGHT / 2} r="2" /> : <path d={`M${points.join('L')}`} />}
      </svg>
      <Duration v={spread.median} />
      <span class="muted">median</span>
    </span>
  );
}
