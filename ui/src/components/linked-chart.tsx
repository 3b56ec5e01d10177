import { useEffect, useRef, useState } from 'preact/hooks';
import * as f from '../core/format';
import { token, useDark } from '../core/theme';
import { Button } from './button';
import type { Series } from './chart';
import type { LinkedPlot } from './linked-plot';
import { Skeleton } from './state';
import './chart.css';
import './linked-chart.css';

/** What charts of one page share: the cursor, the range of time, and the moment that was picked. */
export interface Link {
  key: string;
  /** Epoch milliseconds. */
  picked?: number | undefined;
  onPick?: (index: number) => void;
  onRange: (range: [number, number] | undefined) => void;
}

export interface LinkedChartProps {
  label: string;
  /** Epoch milliseconds, ascending. */
  at: number[];
  series: Series[];
  link: Link;
  /** On top of each other: parts of a whole. */
  stacked?: boolean;
  height?: number;
  axis?: (value: number) => string;
  /** Of bytes: its marks are at powers of two. */
  binary?: boolean;
  /** What the vertical axis begins at least with, and ends at least with. */
  range?: [number, number];
  /** Beside the legend, at the moment under the cursor. */
  more?: (index: number) => string;
}

/** One of several series over the same time. Dragging chooses a range for all of them, a click picks a moment, a double click goes back. */
export function LinkedChart(props: LinkedChartProps) {
  const { label, at, series, link, height = 180, stacked } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<LinkedPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const dark = useDark();
  const [cursor, setCursor] = useState<number | null>(null);
  const [ready, setReady] = useState(false);
  const [table, setTable] = useState(false);
  const shape = JSON.stringify([dark, height, stacked, link.key, at.length <= 40, series.map((s) => [s.name, s.color, s.filled, s.dashed])]);

  useEffect(() => {
    const element = box.current;
    if (!element || table) return;
    let gone = false;
    void import('./linked-plot').then(({ makeLinkedPlot }) => {
      if (gone) return;
      plot.current = makeLinkedPlot(element, latest.current, token, setCursor);
      setReady(true);
    });
    const observer = new ResizeObserver(() => plot.current?.resize(element.clientWidth));
    observer.observe(element);
    return () => {
      gone = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, table]);
  useEffect(() => plot.current?.draw(props), [at, series, link]);

  const picked = link.picked === undefined ? -1 : at.indexOf(link.picked);
  const shown = cursor ?? (picked >= 0 ? picked : null);
  return (
    <figure class="chart" aria-label={label}>
      <div class="chart-legend linked-legend">
        {series.map((s) => {
          const value = shown === null ? undefined : s.values[shown];
          return (
            <span key={s.name}>
              <i class={`${s.dashed ? 'dashed' : ''}${stacked ? ' area' : ''}`} style={{ '--color': `var(${s.color})` }} />
              {s.name}
              {value != null && <b>{s.show(value)}</b>}
            </span>
          );
        })}
        <span class="chart-at">{shown !== null && `${props.more?.(shown) ?? ''}${f.time(at[shown])}`}</span>
        <Button icon={table ? 'chart' : 'table'} label={table ? `Show ${label} as a chart` : `Show ${label} as a table`} quiet onClick={() => setTable(!table)} />
      </div>
      {table ? (
        <Numbers {...props} />
      ) : (
        <div ref={box} class="chart-box" style={{ height: `${height}px` }} role="img" aria-label={`${label}: chart; its numbers are in the table`}>
          {!ready && <Skeleton height={height} />}
        </div>
      )}
    </figure>
  );
}

/** At most so many lines: a table is to be read. */
const LINES = 500;

function Numbers({ label, at, series, height = 180 }: LinkedChartProps) {
  const step = Math.max(1, Math.ceil(at.length / LINES));
  return (
    <div class="chart-table" style={{ maxHeight: `${Math.max(height, 240)}px` }} tabIndex={0} role="region" aria-label={`${label}, as a table`}>
      <table>
        <caption class="hidden-visually">{label}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map((s) => <th key={s.name} scope="col">{s.name}</th>)}
          </tr>
        </thead>
        <tbody>
          {at.filter((_, n) => n % step === 0).map((t, n) => (
            <tr key={n}>
              <th scope="row" title={f.timeExact(t)}>{f.time(t)}</th>
              {series.map((s) => {
                const value = s.values[n * step];
                return <td key={s.name} title={value == null ? undefined : String(value)}>{value == null ? f.UNKNOWN : s.show(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
