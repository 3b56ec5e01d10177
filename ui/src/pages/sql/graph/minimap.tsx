import { useEffect, useRef, useState } from 'preact/hooks';
import { token, useDark } from '../../../core/theme';
import { seen } from '../plan/camera';
import type { Layout } from '../plan/layout';
import { heat } from '../plan/metric';
import type { Card } from '../plan/visible';
import type { Eye } from './use-camera';

const WIDTH = 172;
const HEIGHT = 116;

/** The whole plan, small, with what is in view; shown while not all of it is. For the eye only: keys and the table reach everything. */
export function Minimap({ placed, heats, eye }: { placed: Layout; heats: Card[]; eye: Eye }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const [needed, setNeeded] = useState(false);
  const k = Math.min(WIDTH / placed.width, HEIGHT / placed.height);
  const left = (WIDTH - placed.width * k) / 2;
  const top = (HEIGHT - placed.height * k) / 2;

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current) return;
    const scale = devicePixelRatio;
    canvas.current.width = WIDTH * scale;
    canvas.current.height = HEIGHT * scale;
    context.scale(scale, scale);
    context.strokeStyle = token('--line-strong');
    context.lineWidth = 0.6;
    context.beginPath();
    for (const { x1, y1, x2, y2 } of placed.routes) {
      context.moveTo(left + x1 * k, top + y1 * k);
      context.lineTo(left + x2 * k, top + y2 * k);
    }
    context.stroke();
    const colors = ['--line-strong', '--c2', '--c2', '--c2', '--c6', '--c6'].map(token);
    const steps = new Map(heats.map((card) => [card.id, heat(card.share)]));
    // Hot ones last, so that none is covered.
    for (const wanted of [0, 1, 2, 3, 4, 5]) {
      context.fillStyle = colors[wanted] ?? '';
      for (const { id, x, y, width, height } of placed.boxes.values()) {
        if (steps.get(id) === wanted) context.fillRect(left + x * k, top + y * k, Math.max(1, width * k), Math.max(1, height * k));
      }
    }
  }, [placed, heats, dark, needed]);

  useEffect(() => {
    const follow = () => {
      const { x, y, width, height } = seen(eye.camera.current, eye.view.current);
      setNeeded(x > 1 || y > 1 || x + width < placed.width - 1 || y + height < placed.height - 1);
      const element = view.current;
      if (!element) return;
      const from = { x: Math.max(0, left + x * k), y: Math.max(0, top + y * k) };
      element.style.transform = `translate(${from.x}px, ${from.y}px)`;
      element.style.width = `${Math.max(3, Math.min(WIDTH, left + (x + width) * k) - from.x)}px`;
      element.style.height = `${Math.max(3, Math.min(HEIGHT, top + (y + height) * k) - from.y)}px`;
    };
    follow();
    return eye.onMove(follow);
  }, [placed, needed]);

  const go = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (event.buttons !== 1) return;
    const at = event.currentTarget.getBoundingClientRect();
    eye.at((event.clientX - at.left - left) / k, (event.clientY - at.top - top) / k, eye.camera.current.k);
  };
  if (!needed) return null;
  return (
    <div class="minimap" aria-hidden="true" style={{ width: `${WIDTH}px`, height: `${HEIGHT}px` }} onPointerDown={go} onPointerMove={go}>
      <canvas ref={canvas} style={{ width: `${WIDTH}px`, height: `${HEIGHT}px` }} />
      <div ref={view} class="minimap-view" />
    </div>
  );
}
