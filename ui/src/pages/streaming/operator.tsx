import { useMemo } from 'preact/hooks';
import type { StateOperator } from '../../api/ours';
import { Chart, type ChartLink, type Series } from '../../components/chart';
import { Section } from '../../components/section';
import { bytes, compact, count, counted, duration, percent } from '../../core/format';
import { colorAt } from './batch-charts';
import { type Graph, type Group, memoryReported, stateGroups, type Unit } from './state-metrics';

interface Props {
  of: StateOperator;
  nth: number;
  /** Stateful operators of the query. */
  count: number;
  at: number[];
  link: ChartLink;
}

const rows = (v: number): string => counted(Number.isInteger(v) ? v : Number(v.toPrecision(4)), 'row');

/** A stateful operator: what it holds, what it costs, and what its state store says. */
export function Operator({ of, nth, count: operators, at, link }: Props) {
  // Times are sums over all instances of the store.
  const instances = of.instances.findLast((n) => n !== null) ?? undefined;
  const charts = useMemo(() => chartsOf(of), [of]);
  const groups = useMemo(() => stateGroups(of, instances), [of, instances]);
  const reported = memoryReported(of);
  return (
    <section class="state-operator" aria-label={`State of ${of.name}`}>
      <header class="state-operator-head">
        <h2>State{operators > 1 ? ` ${nth + 1}` : ''}: {of.name}</h2>
        {instances !== undefined && <span class="muted">{counted(instances, 'store instance')}</span>}
      </header>
      <div class="columns">
        <Section title="Rows held" help="stateRows"><Chart label="Rows held" at={at} series={charts.held} link={link} axis={compact} /></Section>
        <Section title="Rows updated, removed, too late"><Chart label="Rows updated, removed and too late" at={at} series={charts.changed} link={link} axis={compact} /></Section>
        <Section title="Memory" help="stateMemory">
          {reported ? <Chart label="Memory" at={at} series={charts.memory} link={link} marks="binary" /> : <p class="muted not-reported">Not reported: with bounded memory, RocksDB's share is not known for a single query.</p>}
        </Section>
        <Section title={instances ? 'Time, mean of a store instance' : 'Time, all store instances together'} help="commitTime"><Chart label="Time of state operations" at={at} series={charts.times} link={link} /></Section>
      </div>
      {groups.length > 0 && (
        <Section title="State store" help="stateStore">
          <div class="store-groups">{groups.map((group, n) => <StoreGroup key={group.title} of={group} open={n < 3} at={at} link={link} />)}</div>
        </Section>
      )}
    </section>
  );
}

function chartsOf(of: StateOperator): Record<'held' | 'changed' | 'memory' | 'times', Series[]> {
  const mean = (values: (number | null)[]) => values.map((v, n) => (v === null ? null : v / (of.instances[n] || 1)));
  return {
    held: [{ name: 'Rows', values: of.rows, color: '--c1', show: rows, filled: true }],
    changed: [
      { name: 'Updated', values: of.updated, color: '--c3', show: rows },
      { name: 'Removed', values: of.removed, color: '--c4', show: rows },
      { name: 'Dropped as too late', values: of.dropped, color: '--c6', show: rows, dashed: true },
    ],
    memory: [{ name: 'Memory', values: of.memory, color: '--c4', show: bytes, filled: true }],
    times: [
      { name: 'Commit', values: mean(of.commitTime), color: '--c1', show: duration },
      { name: 'Updates', values: mean(of.updateTime), color: '--c3', show: duration },
      { name: 'Removals', values: mean(of.removalTime), color: '--c4', show: duration },
    ],
  };
}

const SHOW: Record<Unit, (value: number) => string> = {
  count: (v) => count(Number.isInteger(v) ? v : Number(v.toPrecision(4))),
  bytes,
  ms: duration,
  share: percent,
  flag: (v) => (v > 0 ? 'yes' : 'no'),
  version: count,
};
const AXIS: Partial<Record<Unit, (value: number) => string>> = { count: compact, flag: (v) => (v === 1 ? 'yes' : v === 0 ? 'no' : '') };

function StoreGroup({ of, open, at, link }: { of: Group; open: boolean; at: number[]; link: ChartLink }) {
  return (
    <details class="store-group" open={open && of.graphs.length > 0}>
      <summary>
        <h3>{of.title}</h3>
        <span class="muted">{of.graphs.length === 0 ? 'always 0' : counted(of.graphs.length, 'chart')}</span>
      </summary>
      {of.graphs.length > 0 && <div class="store-charts">{of.graphs.map((graph) => <StoreChart key={graph.title} of={graph} at={at} link={link} />)}</div>}
      {of.zero.length > 0 && <p class="muted store-zero">0 in every batch: {of.zero.map((line) => <span key={line.name} title={line.name}>{line.title}</span>)}</p>}
    </details>
  );
}

function StoreChart({ of, at, link }: { of: Graph; at: number[]; link: ChartLink }) {
  const series = useMemo(() => of.lines.map((line, n): Series => ({ name: line.title, values: line.values, color: colorAt(n), show: SHOW[of.unit], filled: of.lines.length === 1 })), [of]);
  const axis = AXIS[of.unit];
  return (
    <div class="store-chart">
      <h4 title={of.lines.map((line) => line.name).join('\n')}>{of.title}</h4>
      {of.note && <p class="muted">{of.note}</p>}
      <Chart label={of.title} at={at} series={series} link={link} stacked={of.stacked && of.lines.length > 1} height={140} {...(of.unit === 'bytes' && { marks: 'binary' as const })} {...(axis && { axis })} {...((of.unit === 'share' || of.unit === 'flag') && { range: [0, 1] as [number, number] })} />
    </div>
  );
}
