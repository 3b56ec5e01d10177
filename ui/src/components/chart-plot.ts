import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartProps, Range } from './chart';
import { heaped } from './heap';

/** The part of charts that needs uPlot: loaded when the first chart is shown. */

interface State {
  props: ChartProps;
  /** The part of the horizontal axis that is shown; all of it without. */
  zoom: Range | undefined;
  onRange: (range: Range | undefined) => void;
}

export interface Plot {
  draw: (state: State) => void;
  resize: (width: number) => void;
  destroy: () => void;
}

export function makePlot(element: HTMLElement, first: State, color: (token: string) => string, onCursor: (index: number | null) => void): Plot {
  let state = first;
  const { at, series, height = 180, stacked, link, range, marks } = first.props;
  const left = first.props.axis ?? series.find((s) => !s.right)?.show ?? String;
  const right = series.some((s) => s.right) ? (first.props.rightAxis ?? series.find((s) => s.right)?.show ?? String) : undefined;
  const muted = color('--muted');
  const font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;

  const upright = (show: (value: number) => string): uPlot.Axis => ({
    stroke: muted,
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { show: false },
    font,
    values: (_, values) => values.map((v) => (v === null ? '' : show(v))),
    // Linked charts all as wide, so that the same moment is below itself in every one.
    size: link ? 74 : widest,
    space: 30,
    ...(marks && { incrs: marks === 'binary' ? POWERS : WHOLE }),
  });
  const bounds = (_: uPlot, low: number | null, high: number | null): Range => [Math.min(low ?? 0, range?.[0] ?? 0), Math.max(high ?? 0, range?.[1] ?? 0) * (range ? 1 : 1.06) || 1];

  const options: uPlot.Options = {
    width: element.clientWidth || 600,
    height,
    legend: { show: false },
    padding: [8, right ? 0 : 26, 0, 0],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false },
      // The cursor is shared; what is dragged goes through the page, which then gives all charts the same range.
      ...(link && { sync: { key: link.key, setSeries: false, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } } }),
      bind: {
        dblclick: () => () => {
          state.onRange(undefined);
          return null;
        },
      },
    },
    scales: { x: { time: true }, y: { range: bounds }, ...(right && { right: { range: bounds } }) },
    axes: [
      { stroke: muted, grid: { show: false }, ticks: { stroke: color('--line'), size: 4 }, font, size: 40, space: 72, values: TIME_MARKS },
      upright(left),
      ...(right ? [{ ...upright(right), side: 1, scale: 'right', grid: { show: false } } satisfies uPlot.Axis] : []),
    ],
    series: [
      {},
      ...series.map((s, n): uPlot.Series => {
        const stroke = color(s.color);
        return {
          label: s.name,
          stroke,
          scale: s.right ? 'right' : 'y',
          width: stacked ? 0.5 : 1.6,
          points: { show: s.steps ? at.length === 1 : at.length <= 40, size: 4, fill: stroke },
          ...(stacked && n === 0 && { fill: withAlpha(stroke, 0.65) }),
          ...(!stacked && s.filled && { fill: withAlpha(stroke, 0.16) }),
          ...(s.dashed && { dash: [5, 4] }),
          ...(s.steps && uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
        };
      }),
    ],
    ...(stacked && { bands: series.slice(1).map((s, n): uPlot.Band => ({ series: [n + 2, n + 1], fill: withAlpha(color(s.color), 0.65) })) }),
    hooks: {
      setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          const [from, to] = [u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          state.onRange([Math.floor(from * 1000), Math.ceil(to * 1000)]);
        },
      ],
      draw: [(u) => markPicked(u, state.props.link?.picked, color('--accent'))],
    },
  };

  const data = (): uPlot.AlignedData => {
    const values = state.props.series.map((s) => s.values);
    return [state.props.at.map((t) => t / 1000), ...(stacked ? heaped(values) : values)] as uPlot.AlignedData;
  };
  const zoom = (): void => {
    if (state.zoom) plot.setScale('x', { min: state.zoom[0] / 1000, max: state.zoom[1] / 1000 });
  };
  const plot = new uPlot(options, data(), element);
  plot.over.addEventListener('click', () => {
    const { idx } = plot.cursor;
    if (idx != null) state.props.link?.onPick?.(idx);
  });
  zoom();
  return {
    draw: (next) => {
      const before = state;
      state = next;
      if (next.props.at !== before.props.at || next.props.series !== before.props.series || next.zoom !== before.zoom) {
        plot.setData(data());
        zoom();
      } else plot.redraw();
    },
    resize: (width) => plot.setSize({ width, height }),
    destroy: () => plot.destroy(),
  };
}

/** A line at the moment that was picked. */
function markPicked(u: uPlot, at: number | undefined, color: string): void {
  if (at === undefined) return;
  const x = u.valToPos(at / 1000, 'x', true);
  if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
  u.ctx.save();
  u.ctx.strokeStyle = color;
  u.ctx.lineWidth = 1.5 * devicePixelRatio;
  u.ctx.beginPath();
  u.ctx.moveTo(x, u.bbox.top);
  u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
  u.ctx.stroke();
  u.ctx.restore();
}

/** An axis as wide as its widest mark. */
function widest(_: uPlot, texts: string[] | null): number {
  // Not narrower than half of a date below the first mark of time.
  return Math.max(44, Math.min(110, 14 + Math.max(0, ...(texts ?? []).map((text) => text.length)) * 6.4));
}

/** Steps of an axis of bytes: 64 KiB, not 65.5. */
const POWERS = Array.from({ length: 60 }, (_, n) => 2 ** n);
/** Steps of an axis of things: there is no half of a core. */
const WHOLE = Array.from({ length: 12 }, (_, n) => [1, 2, 5].map((step) => step * 10 ** n)).flat();

/** 24 hours, and the day where it changes. */
const TIME_MARKS: uPlot.Axis.Values = [
  [31536000, '{YYYY}', null, null, null, null, null, null, 1],
  [2419200, '{YYYY}-{MM}', null, null, null, null, null, null, 1],
  [86400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [0.001, '{HH}:{mm}:{ss}.{fff}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
];

/** `rgb(…)` with transparency. */
function withAlpha(color: string, alpha: number): string {
  return color.replace(/^rgba?\(([^)]+)\)$/, (_, parts: string) => `rgba(${parts.split(',').slice(0, 3).join(',')}, ${alpha})`);
}
