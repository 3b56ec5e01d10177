import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { LinkedChartProps } from './linked-chart';
import { heaped } from './heap';

/** The part of linked charts that needs uPlot: loaded with the first of them. */

export interface LinkedPlot {
  draw: (props: LinkedChartProps) => void;
  resize: (width: number) => void;
  destroy: () => void;
}

export function makeLinkedPlot(element: HTMLElement, first: LinkedChartProps, color: (token: string) => string, onCursor: (index: number | null) => void): LinkedPlot {
  let props = first;
  const { series, height = 180, stacked, link, range } = first;
  const font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
  const show = first.axis ?? series[0]?.show ?? String;
  const muted = color('--muted');
  const picked = color('--accent');

  const options: uPlot.Options = {
    width: element.clientWidth || 600,
    height,
    legend: { show: false },
    padding: [8, 26, 0, 0],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false },
      // The cursor is shared; what is dragged goes through the page, which then gives all charts the same range.
      sync: { key: link.key, setSeries: false, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
      bind: {
        dblclick: () => () => {
          props.link.onRange(undefined);
          return null;
        },
      },
    },
    scales: { x: { time: true }, y: { range: (_, low, high) => [Math.min(low ?? 0, range?.[0] ?? 0), Math.max(high ?? 0, range?.[1] ?? 0) * (range ? 1 : 1.06) || 1] } },
    axes: [
      { stroke: muted, grid: { show: false }, ticks: { stroke: color('--line'), size: 4 }, font, size: 40, values: TIME_MARKS },
      {
        stroke: muted,
        grid: { stroke: color('--grid'), width: 1 },
        ticks: { show: false },
        font,
        values: (_, values) => values.map((v) => (v === null ? '' : show(v))),
        // All as wide, so that the same moment is below itself in every chart.
        size: 74,
        space: 30,
        ...(first.binary && { incrs: POWERS }),
      },
    ],
    series: [
      {},
      ...series.map((s, n): uPlot.Series => {
        const stroke = color(s.color);
        return {
          label: s.name,
          stroke,
          width: stacked ? 0.5 : 1.6,
          points: { show: first.at.length <= 40, size: 4, fill: stroke },
          ...(stacked && n === 0 && { fill: withAlpha(stroke, 0.65) }),
          ...(!stacked && s.filled && { fill: withAlpha(stroke, 0.16) }),
          ...(s.dashed && { dash: [5, 4] }),
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
          props.link.onRange([Math.floor(from * 1000), Math.ceil(to * 1000)]);
        },
      ],
      draw: [
        (u) => {
          const at = props.link.picked;
          if (at === undefined) return;
          const x = u.valToPos(at / 1000, 'x', true);
          if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
          u.ctx.save();
          u.ctx.strokeStyle = picked;
          u.ctx.lineWidth = 1.5 * devicePixelRatio;
          u.ctx.beginPath();
          u.ctx.moveTo(x, u.bbox.top);
          u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
          u.ctx.stroke();
          u.ctx.restore();
        },
      ],
    },
  };

  const data = (): uPlot.AlignedData => {
    const values = props.series.map((s) => s.values);
    return [props.at.map((t) => t / 1000), ...(stacked ? heaped(values) : values)] as uPlot.AlignedData;
  };
  const plot = new uPlot(options, data(), element);
  plot.over.addEventListener('click', () => {
    const { idx } = plot.cursor;
    if (idx != null) props.link.onPick?.(idx);
  });
  let drawn = first;
  return {
    draw: (next) => {
      props = next;
      if (next.at !== drawn.at || next.series !== drawn.series) plot.setData(data());
      else plot.redraw();
      drawn = next;
    },
    resize: (width) => plot.setSize({ width, height }),
    destroy: () => plot.destroy(),
  };
}

/** Steps of an axis of bytes: 64 KiB, not 65.5. */
const POWERS = Array.from({ length: 60 }, (_, n) => 2 ** n);

const TIME_MARKS: uPlot.Axis.Values = [
  [31536000, '{YYYY}', null, null, null, null, null, null, 1],
  [2419200, '{YYYY}-{MM}', null, null, null, null, null, null, 1],
  [86400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [0.001, '{HH}:{mm}:{ss}.{fff}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
];

function withAlpha(color: string, alpha: number): string {
  return color.replace(/^rgba?\(([^)]+)\)$/, (_, parts: string) => `rgba(${parts.split(',').slice(0, 3).join(',')}, ${alpha})`);
}
