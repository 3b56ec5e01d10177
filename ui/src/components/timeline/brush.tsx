import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { density, type Lane } from './lanes';
import { inside, type Range, spanOf } from './range';

interface Props {
  lanes: Lane[];
  whole: Range;
  range: Range;
  onRange: (range: Range) => void;
  color: (token: string) => string;
}

const HEIGHT = 28;
const EDGE = 6;

/** The whole timeline in small: how much went on when, and a frame around the part in view, to be dragged. */
export function Brush({ lanes, whole, range, onRange, color }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);

  useLayoutEffect(() => {
    const box = canvas.current?.parentElement;
    if (!box) return;
    const observer = new ResizeObserver(() => setWidth(box.clientWidth));
    observer.observe(box);
    setWidth(box.clientWidth);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = Math.round(width * ratio);
    canvas.current.height = Math.round(HEIGHT * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const steps = Math.max(1, Math.floor(width / 2));
    const deepest = Math.max(0, ...lanes.flatMap((l) => l.bars.map((b) => b.level ?? 0)).slice(0, 10_000));
    const sums = density(lanes, whole.from, whole.to, steps, deepest);
    const top = Math.max(1, ...sums);
    context.fillStyle = color('--c5');
    for (const [at, sum] of sums.entries()) {
      const height = sum > 0 ? Math.max(1, (sum / top) * (HEIGHT - 4)) : 0;
      context.fillRect((at / steps) * width, HEIGHT - height, width / steps, height);
    }
  }, [lanes, whole.from, whole.to, width, color]);

  const pixel = (time: number) => ((time - whole.from) / Math.max(1, spanOf(whole))) * width;
  const left = pixel(range.from);
  const right = Math.max(left + 3, pixel(range.to));

  const pressed = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const box = event.currentTarget.getBoundingClientRect();
    const timeAt = (clientX: number) => whole.from + (Math.min(width, Math.max(0, clientX - box.left)) / width) * spanOf(whole);
    const x = event.clientX - box.left;
    const start = timeAt(event.clientX);
    const held = { ...range };
    const act: 'left' | 'right' | 'move' | 'new' =
      Math.abs(x - left) <= EDGE ? 'left' : Math.abs(x - right) <= EDGE ? 'right' : x > left && x < right && right - left < width - 2 ? 'move' : 'new';
    const move = (e: PointerEvent) => {
      const now = timeAt(e.clientX);
      if (act === 'left') onRange(inside({ from: Math.min(now, held.to - 1), to: held.to }, whole));
      else if (act === 'right') onRange(inside({ from: held.from, to: Math.max(now, held.from + 1) }, whole));
      else if (act === 'move') onRange(inside({ from: held.from + now - start, to: held.to + now - start }, whole));
      else if (Math.abs(now - start) > spanOf(whole) / 200) onRange(inside({ from: Math.min(now, start), to: Math.max(now, start) }, whole));
    };
    const up = () => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', up);
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', up);
  };

  return (
    <div class="timeline-brush" aria-hidden="true" onPointerDown={pressed} onDblClick={() => onRange(whole)}>
      <canvas ref={canvas} style={{ width: `${width}px`, height: `${HEIGHT}px` }} />
      <span class="timeline-away" style={{ left: 0, width: `${Math.max(0, left)}px` }} />
      <span class="timeline-away" style={{ left: `${right}px`, right: 0 }} />
      <span class="timeline-window" style={{ left: `${left}px`, width: `${right - left}px` }} />
    </div>
  );
}
