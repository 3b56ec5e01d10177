import { useEffect, useRef, useState } from 'preact/hooks';
import * as f from '../core/format';
import { token, useDark } from '../core/theme';
import { Button } from './button';
import type { Plot } from './chart-plot';
import { Skeleton } from './state';
import './chart.css';

export interface Series {
  name: string;
  values: (number | null)[];
  /** A colour token, e.g. `--c1`. */
  color: string;
  /** A value in words, with its unit. */
  show: (value: number) => string;
  /** The value holds until the next point. */
  steps?: boolean;
  filled?: boolean;
  dashed?: boolean;
  /** Against the scale at the right. */
  right?: boolean;
}

export type Range = [from: number, to: number];

/** What charts of one page share: the cursor, the range of time, and the moment that was picked. The page gives them what is in the range. */
export interface ChartLink {
  key: string;
  /** Epoch milliseconds. */
  picked?: number | undefined;
  onPick?: (index: number) => void;
  onRange: (range: Range | undefined) => void;
}

export interface ChartProps {
  label: string;
  /** Epoch milliseconds, ascending. */
  at: number[];
  series: Series[];
  /** A chart without one keeps its range for itself. */
  link?: ChartLink;
  /** On top of each other: parts of a whole. */
  stacked?: boolean;
  height?: number;
  /** Marks of the vertical axes; the first series' words unless told. */
  axis?: (value: number) => string;
  rightAxis?: (value: number) => string;
  /** Where marks of the vertical axes may be: of bytes at powers of two, of things that are counted at whole numbers. */
  marks?: 'binary' | 'whole';
  /** What the vertical axis begins at least with, and ends at least with. */
  range?: Range;
  /** Beside the legend, at the moment under the cursor. */
  more?: (index: number) => string;
}

/** Series over time. The legend follows the cursor, dragging chooses a range, a double click goes back, and the numbers are a table behind it. */
export function Chart(props: ChartProps) {
  const { label, at, series, link, height = 180, stacked } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const dark = useDark();
  const [cursor, setCursor] = useState<number | null>(null);
  const [zoom, setZoom] = useState<Range>();
  const [ready, setReady] = useState(false);
  const [table, setTable] = useState(false);
  const state = { props, zoom, onRange: link?.onRange ?? setZoom };
  const latest = useRef(state);
  latest.current = state;
  // What the drawing is made anew for; new values alone are set.
  const shape = JSON.stringify([dark, height, stacked, link?.key, at.length <= 40, series.map((s) => [s.name, s.color, s.steps, s.filled, s.dashed, s.right])]);

  useEffect(() => {
    const element = box.current;
    if (!element || table) return;
    let gone = false;
    void import('./chart-plot').then(({ makePlot }) => {
      if (gone) return;
      plot.current = makePlot(element, latest.current, token, setCursor);
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
  useEffect(() => plot.current?.draw(state), [at, series, link, zoom]);

  const picked = link?.picked === undefined ? -1 : at.indexOf(link.picked);
  const shown = cursor ?? (picked >= 0 ? picked : null);
  return (
    <figure class="chart" aria-label={label}>
      <div class="chart-legend">
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
        <span class="chart-at">{shown !== null && at[shown] !== undefined && `${props.more?.(shown) ?? ''}${f.time(at[shown])}`}</span>
        {zoom && <Button quiet onClick={() => setZoom(undefined)}>Whole range</Button>}
        <Button icon={table ? 'chart' : 'table'} label={table ? `Show ${label} as a chart` : `Show ${label} as a table`} quiet onClick={() => setTable(!table)} />
      </div>
      {table ? (
        <ChartTable {...props} />
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

function ChartTable({ label, at, series, height = 180 }: ChartProps) {
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
