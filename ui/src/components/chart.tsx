import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import * as f from '../core/format';
import { token, useDark } from '../core/theme';
import { Button } from './button';
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

interface Props {
  label: string;
  /** Epoch milliseconds, or any number with `x`. */
  at: number[];
  series: Series[];
  height?: number;
  /** The horizontal axis, if it is not time. */
  x?: { name: string; show: (value: number) => string };
  /** Marks of the vertical axes; the first series' words unless told. */
  axis?: (value: number) => string;
  rightAxis?: (value: number) => string;
  /** Charts with the same word share the cursor. */
  sync?: string;
  /** What the vertical axis begins at least with, and ends at least with. */
  range?: [number, number];
}

/** Series over time, with a legend that follows the cursor, zoom by dragging, and the numbers as a table. */
export function Chart(props: Props) {
  const { label, at, series, height = 200 } = props;
  const box = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const [cursor, setCursor] = useState<number | null>(null);
  const [ready, setReady] = useState(false);
  const [zoomed, setZoomed] = useState(false);
  const [table, setTable] = useState(false);
  const plot = useRef<uPlot | undefined>(undefined);
  const isTime = props.x === undefined;
  const showX = props.x?.show ?? f.time;

  const data = useMemo(() => [isTime ? at.map((t) => t / 1000) : at, ...series.map((s) => s.values)] as uPlot.AlignedData, [at, series, isTime]);
  // What the drawing is made anew for; new values alone are set.
  const shape = JSON.stringify([dark, height, props.sync, props.range, series.map((s) => [s.name, s.color, s.steps, s.filled, s.dashed, s.right])]);
  const latest = useRef({ props, data });
  latest.current = { props, data };

  useEffect(() => {
    const element = box.current;
    if (!element || table) return;
    let made: uPlot | undefined;
    let gone = false;
    void import('./chart-plot').then(({ makePlot }) => {
      if (gone) return;
      made = makePlot(element, latest.current.props, latest.current.data, token, { onCursor: setCursor, onZoom: setZoomed });
      plot.current = made;
      setReady(true);
    });
    const observer = new ResizeObserver(() => made?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      gone = true;
      observer.disconnect();
      made?.destroy();
      plot.current = undefined;
    };
  }, [shape, table]);

  useEffect(() => {
    if (ready && !zoomed) plot.current?.setData(data);
  }, [data]);

  const reset = () => {
    plot.current?.setData(data);
    setZoomed(false);
  };

  return (
    <figure class="chart" aria-label={label}>
      <div class="chart-legend">
        {series.map((s) => {
          const value = cursor === null ? undefined : s.values[cursor];
          return (
            <span key={s.name}>
              <i class={s.dashed ? 'dashed' : ''} style={{ '--color': `var(${s.color})` }} />
              {s.name}
              {value != null && <b>{s.show(value)}</b>}
            </span>
          );
        })}
        <span class="chart-at">{cursor !== null && at[cursor] !== undefined && showX(at[cursor])}</span>
        {zoomed && (
          <Button quiet onClick={reset}>
            Whole range
          </Button>
        )}
        <Button icon={table ? 'chart' : 'table'} label={table ? `Show ${label} as a chart` : `Show ${label} as a table`} quiet onClick={() => setTable(!table)} />
      </div>
      {table ? (
        <ChartTable {...props} showX={showX} />
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

function ChartTable({ label, at, series, x, height = 200, showX }: Props & { showX: (value: number) => string }) {
  const step = Math.max(1, Math.ceil(at.length / LINES));
  return (
    <div class="chart-table" style={{ maxHeight: `${Math.max(height, 240)}px` }} tabIndex={0} role="region" aria-label={`${label}, as a table`}>
      <table>
        <caption class="hidden-visually">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{x?.name ?? 'Time'}</th>
            {series.map((s) => (
              <th key={s.name} scope="col">{s.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at.filter((_, n) => n % step === 0).map((t, n) => (
            <tr key={t}>
              <th scope="row">{showX(t)}</th>
              {series.map((s) => {
                const value = s.values[n * step];
                return <td key={s.name}>{value == null ? f.UNKNOWN : s.show(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export type ChartProps = Props;
