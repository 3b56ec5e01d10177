import { useMemo } from 'preact/hooks';
import type { StreamingSeries, Values } from '../../api/ours';
import { Chart, type ChartLink, type Series } from '../../components/chart';
import { Section } from '../../components/section';
import { compact, count, counted, duration, rate, time } from '../../core/format';
import { phasesOf } from './phases';

const COLORS = ['--c1', '--c2', '--c3', '--c4', '--c7', '--c6', '--c8', '--c9', '--c5', '--c10'];
/** Phases have the same colour in every query. */
const PHASE_COLOR: Record<string, string> = { latestOffset: '--c3', walCommit: '--c2', getBatch: '--c7', queryPlanning: '--c4', addBatch: '--c1', commitBatch: '--c8', commitOffsets: '--c6', rest: '--c5' };

export const colorAt = (n: number): string => COLORS[n % COLORS.length] ?? '--c1';

const rows = (v: number): string => counted(Number.isInteger(v) ? v : Number(v.toPrecision(4)), 'row');
const known = (values: Values): boolean => values.some((v) => v !== null);

/** What every query has: rates, rows, durations, watermark and lag. */
export function BatchCharts({ of, at, link }: { of: StreamingSeries; at: number[]; link: ChartLink }) {
  const charts = useMemo(() => {
    const rates: Series[] = [
      { name: 'Input', values: of.inputRate, color: '--c2', show: (v) => rate(v, 'rows') },
      { name: 'Processed', values: of.processedRate, color: '--c1', show: (v) => rate(v, 'rows') },
    ];
    const phases: Series[] = phasesOf(of).map((phase, n) => ({ name: phase.title, values: phase.values, color: PHASE_COLOR[phase.name] ?? colorAt(n), show: duration }));
    const several = of.sources.length > 1;
    const input: Series[] = several
      ? of.sources.map((s, n) => ({ name: sourceName(s.description, n), values: s.inputRows, color: colorAt(n), show: rows }))
      : [{ name: 'Rows', values: of.inputRows, color: '--c3', show: rows, filled: true }];
    const watermark: Series[] = known(of.watermarkLag) ? [{ name: 'Behind the trigger', values: of.watermarkLag, color: '--c4', show: duration, filled: true }] : [];
    const lag: Series[] = of.sources.filter((s) => known(s.lag)).map((s, n) => ({ name: sourceName(s.description, n), values: s.lag, color: colorAt(n + 5), show: (v) => counted(v, 'offset'), filled: !several }));
    return { rates, phases, input, watermark, lag, several };
  }, [of]);
  const batch = (n: number) => (of.batch[n] == null ? '' : `batch ${count(of.batch[n])} · `);
  return (
    <div class="columns">
      <Section title="Input and processed rate" help="processedRate">
        <Chart label="Input and processed rate" at={at} series={charts.rates} link={link} axis={compact} more={batch} />
      </Section>
      <Section title="Batch duration by phase" help="batchDuration">
        <Chart label="Batch duration by phase" at={at} series={charts.phases} link={link} stacked more={batch} />
      </Section>
      <Section title="Rows of a batch">
        <Chart label="Rows of a batch" at={at} series={charts.input} link={link} stacked={charts.several} axis={compact} more={batch} />
      </Section>
      {charts.watermark.length > 0 && (
        <Section title="Watermark lag" help="watermarkLag">
          <Chart label="Watermark lag" at={at} series={charts.watermark} link={link} more={(n) => (of.watermark[n] == null ? batch(n) : `watermark ${time(of.watermark[n])} · ${batch(n)}`)} />
        </Section>
      )}
      {charts.lag.length > 0 && (
        <Section title="Lag of sources" help="sourceLag">
          <Chart label="Lag of sources" at={at} series={charts.lag} link={link} axis={compact} more={batch} />
        </Section>
      )}
    </div>
  );
}

/** `KafkaV2[Subscribe[orders]]`; several of the same name are told apart by their place. */
function sourceName(description: string, n: number): string {
  const text = description.replace(/\s+/g, ' ');
  return `${n + 1}: ${text.length > 42 ? `${text.slice(0, 41)}…` : text}`;
}
