import { type StreamingRun, streamingSeries } from '../../api/ours';
import { useResource } from '../../api/resource';
import { Duration, Rate } from '../../components/number';
import type { AppRef } from '../../core/address';
import { duration, rate } from '../../core/format';
import { batchDuration, spreadOf } from './phases';

const POINTS = 60;
const WIDTH = 96;
const HEIGHT = 26;

interface Props {
  app: AppRef;
  run: StreamingRun;
}

const useSeries = (app: AppRef, run: StreamingRun) => useResource(run.progressReports > 0 ? streamingSeries(app, run.runId, POINTS) : undefined, { live: run.active });

/** Rows that came in a second, and rows that the query could process, of the batch in the middle. */
export function Rates({ app, run }: Props) {
  const { data } = useSeries(app, run);
  if (!data) return <span class="muted">–</span>;
  const [input, processed] = [spreadOf(data.inputRate), spreadOf(data.processedRate)];
  if (!input && !processed) return <span class="muted" title="No report has a rate">–</span>;
  const exact = `median of its batches; most: ${rate(input?.max, 'rows')} in, ${rate(processed?.max, 'rows')} processed`;
  return <span title={exact}><Rate v={input?.median} unit="rows" /> <span class="muted">in,</span> <Rate v={processed?.median} unit="rows" /></span>;
}

/** How long batches took, in a line beside the median. Asked for when its row comes into view. */
export function BatchTrend({ app, run }: Props) {
  const series = useSeries(app, run);
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
