import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartProps } from './chart';

/** The part of charts that needs uPlot: loaded when the first chart is shown. */

interface Hooks {
  onCursor: (index: number | null) => void;
  onZoom: (zoomed: boolean) => void;
}

export function makePlot(
  element: HTMLElement,
  props: ChartProps,
  data: uPlot.AlignedData,
  color: (token: string) => string,
  { onCursor, onZoom }: Hooks,
): uPlot {
  const { series, height = 200, x, range, sync } = props;
  const muted = color('--muted');
  const grid = { stroke: color('--grid'), width: 1 };
  const font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
  const first = series.find((s) => !s.right)?.show ?? String;
  const second = series.find((s) => s.right)?.show;
  const marks = (show: (v: number) => string) => (_: uPlot, values: number[]) => values.map((v) => (v === null ? '' : show(v)));
  const widest = (_: uPlot, values: string[] | null): number => {
    if (!values?.length) return 44;
    return Math.min(110, 14 + Math.max(...values.map((v) => v.length)) * 6.4);
  };
  const fromZero = (_: uPlot, low: number | null, high: number | null): [number, number] => {
    const top = Math.max(high ?? 0, range?.[1] ?? 0);
    return [Math.min(low ?? 0, range?.[0] ?? 0), top === 0 ? 1 : top * (range && top === range[1] ? 1 : 1.06)];
  };
  const axisOf = (show: (v: number) => string): uPlot.Axis => ({
    stroke: muted,
    grid,
    ticks: { show: false },
    font,
    values: marks(show),
    size: widest,
    space: 34,
  });

  let whole: [number, number] | undefined;
  const options: uPlot.Options = {
    width: element.clientWidth || 600,
    height,
    legend: { show: false },
    padding: [8, second ? 0 : 12, 0, 0],
    cursor: {
      points: { size: 7 },
      drag: { x: true, y: false },
      ...(sync && { sync: { key: sync, setSeries: false } }),
    },
    scales: { x: { time: x === undefined }, y: { range: fromZero }, ...(second && { right: { range: fromZero } }) },
    axes: [
      { stroke: muted, grid: { show: false }, ticks: { stroke: color('--line'), size: 4 }, font, size: x ? 28 : 40, ...(x ? { values: marks(x.show) } : { values: timeMarks }) },
      axisOf(props.axis ?? first),
      ...(second ? [{ ...axisOf(props.rightAxis ?? second), side: 1, scale: 'right', grid: { show: false } } as uPlot.Axis] : []),
    ],
    series: [
      {},
      ...series.map((s): uPlot.Series => {
        const stroke = color(s.color);
        return {
          label: s.name,
          stroke,
          width: 1.6,
          scale: s.right ? 'right' : 'y',
          points: { show: data[0].length === 1 },
          ...(s.filled && { fill: withAlpha(stroke, 0.16) }),
          ...(s.dashed && { dash: [5, 4] }),
          ...(s.steps && uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
        };
      }),
    ],
    hooks: {
      setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
      setScale: [
        (u, key) => {
          if (key !== 'x') return;
          const { min, max } = u.scales.x ?? {};
          if (min == null || max == null) return;
          const times = u.data[0];
          whole = [times[0] ?? min, times[times.length - 1] ?? max];
          onZoom(min > whole[0] || max < whole[1]);
        },
      ],
    },
  };
  return new uPlot(options, data, element);
}

/** 24 hours, and the day where it changes. */
const timeMarks: uPlot.Axis.Values = [
  [31536000, '{YYYY}', null, null, null, null, null, null, 1],
  [2419200, '{YYYY}-{MM}', null, null, null, null, null, null, 1],
  [86400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [3600, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [0.001, '{HH}:{mm}:{ss}.{fff}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
];

/** `rgb(…)` with transparency. */
function withAlpha(color: string, alpha: number): string {
  return color.replace(/^rgba?\(([^)]+)\)$/, (_, parts: string) => `rgba(${parts.split(',').slice(0, 3).join(',')}, ${alpha})`);
}
