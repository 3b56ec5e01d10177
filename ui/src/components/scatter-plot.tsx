import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { token, useDark } from '../core/theme';
import { scaleFor, type ScaleUnit } from './scale';
import { Tip, type TipPlace } from './tip';
import './scatter-plot.css';

interface Dot {
  x: number;
  y: number;
}

interface Props<D extends Dot> {
  label: string;
  dots: D[];
  /** A colour token. */
  color: (dot: D) => string;
  /** Drawn as a cross rather than a dot, and above the others. */
  crossed?: (dot: D) => boolean;
  unitX: ScaleUnit;
  unitY: ScaleUnit;
  showX: (value: number) => string;
  showY: (value: number) => string;
  tip: (dot: D) => ComponentChildren;
  onPick: (dot: D) => void;
  height?: number;
}

const PADDING = 8;
const REACH = 14;

/** Points in two dimensions, on a canvas. Axes begin at zero unless all values are far from it. */
export function ScatterPlot<D extends Dot>({ label, dots, color, crossed, unitX, unitY, showX, showY, tip, onPick, height = 190 }: Props<D>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  const [width, setWidth] = useState(0);
  const [hover, setHover] = useState<{ dot: D; at: TipPlace }>();
  const [xs, ys] = useMemo(() => [scaleFor(dots.map((d) => d.x), unitX), scaleFor(dots.map((d) => d.y), unitY, 4)], [dots, unitX, unitY]);

  useLayoutEffect(() => {
    const box = canvas.current?.parentElement;
    if (!box) return;
    const look = () => setWidth(box.clientWidth);
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);

  const left = (value: number) => PADDING + ((value - xs.low) / (xs.high - xs.low)) * (width - 2 * PADDING);
  const top = (value: number) => height - PADDING - ((value - ys.low) / (ys.high - ys.low)) * (height - 2 * PADDING);
  const x = (d: Dot) => left(d.x);
  const y = (d: Dot) => top(d.y);

  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = Math.round(width * ratio);
    canvas.current.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = token('--grid');
    for (const mark of ys.marks) context.fillRect(0, Math.round(top(mark)), width, 1);
    for (const mark of xs.marks) context.fillRect(Math.round(left(mark)), 0, 1, height);
    const paints = new Map([...new Set(dots.map(color))].map((name) => [name, token(name)]));
    const size = dots.length > 600 ? 2 : 3;
    const above = dots.filter((d) => crossed?.(d));
    for (const dot of dots) {
      if (crossed?.(dot)) continue;
      context.globalAlpha = dots.length > 200 ? 0.5 : 0.75;
      context.fillStyle = paints.get(color(dot)) ?? '';
      context.beginPath();
      context.arc(x(dot), y(dot), size, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
    context.lineWidth = 1.8;
    for (const dot of above) {
      const [cx, cy] = [x(dot), y(dot)];
      context.strokeStyle = paints.get(color(dot)) ?? '';
      context.beginPath();
      context.moveTo(cx - 3.5, cy - 3.5);
      context.lineTo(cx + 3.5, cy + 3.5);
      context.moveTo(cx + 3.5, cy - 3.5);
      context.lineTo(cx - 3.5, cy + 3.5);
      context.stroke();
    }
    if (hover) {
      context.strokeStyle = token('--text');
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(x(hover.dot), y(hover.dot), 6, 0, 7);
      context.stroke();
    }
  }, [dots, width, height, dark, hover?.dot, xs, ys]);

  const nearest = (event: PointerEvent | MouseEvent): D | undefined => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box) return undefined;
    let best: D | undefined;
    let away = REACH ** 2;
    for (const dot of dots) {
      const distance = (x(dot) - (event.clientX - box.left)) ** 2 + (y(dot) - (event.clientY - box.top)) ** 2;
      if (distance < away) [best, away] = [dot, distance];
    }
    return best;
  };

  return (
    <div class="scatter" role="img" aria-label={`${label}: points; the numbers are in the table`}>
      <div class="scatter-y" style={{ height: `${height}px` }}>
        {/* The longest text gives the column its width. */}
        <span class="widest">{ys.marks.map(showY).reduce((a, b) => (b.length > a.length ? b : a), '')}</span>
        {ys.marks.map((mark) => <span key={mark} style={{ top: `${top(mark)}px` }}>{showY(mark)}</span>)}
      </div>
      <div class="scatter-area" style={{ height: `${height}px` }}>
        <canvas
          ref={canvas}
          class={hover ? 'over' : ''}
          style={{ width: `${width}px`, height: `${height}px` }}
          onPointerMove={(event) => {
            const dot = nearest(event);
            setHover(dot && { dot, at: { x: event.clientX, y: event.clientY } });
          }}
          onPointerLeave={() => setHover(undefined)}
          onClick={(event) => {
            const dot = nearest(event);
            if (dot) onPick(dot);
          }}
        />
      </div>
      <div class="scatter-x">
        {xs.marks.map((mark) => <span key={mark} style={{ left: `${left(mark)}px` }}>{showX(mark)}</span>)}
      </div>
      {hover && <Tip at={hover.at}>{tip(hover.dot)}</Tip>}
    </div>
  );
}
