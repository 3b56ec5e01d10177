import { between, type Bar, lanesIn, type Placed } from './lanes';
import { type Range, spanOf, type Tick } from './range';

/** Draws what is in view. Colours come from the tokens, so that both themes work. */

interface Scene {
  placed: Placed;
  range: Range;
  ticks: Tick[];
  scroll: number;
  width: number;
  height: number;
  active: string | undefined;
  chosen: string | undefined;
  /** Of tokens, at the moment's theme. */
  color: (token: string) => string;
  font: string;
}

const LABEL_FROM = 34;

export function draw(canvas: HTMLCanvasElement, scene: Scene): void {
  const { width, height, range, scroll, color } = scene;
  const ratio = window.devicePixelRatio || 1;
  const wide = Math.round(width * ratio);
  const high = Math.round(height * ratio);
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const scale = width / Math.max(1, spanOf(range));
  const x = (time: number) => (time - range.from) * scale;

  context.fillStyle = color('--grid');
  for (const tick of scene.ticks) context.fillRect(Math.round(x(tick.at)), 0, 1, height);
  const pen: Pen = { context, color, x, width, stripes: new Map(), font: scene.font };
  for (const lane of lanesIn(scene.placed, scroll, scroll + height)) {
    context.fillStyle = color('--grid');
    context.fillRect(0, Math.round(lane.top + lane.height - scroll) - 1, width, 1);
    for (const row of lane.rows) {
      const top = row.top - scroll;
      if (top > height || top + row.height < 0) continue;
      drawRow(pen, row.bars, range, top, row.height, scene);
    }
  }
}

interface Pen {
  context: CanvasRenderingContext2D;
  color: (token: string) => string;
  x: (time: number) => number;
  width: number;
  stripes: Map<string, CanvasPattern | string>;
  font: string;
}

function drawRow(pen: Pen, bars: readonly Bar[], range: Range, top: number, height: number, scene: Scene): void {
  const [first, end] = between(bars, range.from, range.to);
  let drawn = -1;
  for (let at = first; at < end; at++) {
    const bar = bars[at];
    if (!bar) continue;
    const left = Math.max(-4, pen.x(bar.start));
    const right = Math.min(pen.width + 4, Math.max(pen.x(bar.end), left + 1.5));
    // Thousands of bars thinner than a pixel look like one.
    if (right <= drawn + 0.5 && bar.key !== scene.chosen) continue;
    drawn = right;
    if (bar.parts) drawParts(pen, bar, left, right, top, height);
    else drawPlain(pen, bar, left, right, top, height);
    if (bar.key === scene.chosen || bar.key === scene.active) frame(pen, left, right, top, height, bar.key === scene.chosen);
  }
}

function drawPlain({ context, color, stripes, font }: Pen, bar: Bar, left: number, right: number, top: number, height: number): void {
  const paint = color(bar.color);
  const gap = right - left > 3 ? 1 : 0;
  const width = right - left - gap;
  if (width < 8) {
    context.globalAlpha = bar.striped ? 0.5 : 0.85;
    context.fillStyle = paint;
    context.fillRect(left, top, Math.max(1, width), height);
    context.globalAlpha = 1;
    return;
  }
  context.save();
  context.beginPath();
  context.roundRect(left, top, width, height, 3);
  context.clip();
  context.globalAlpha = bar.failed ? 0.34 : 0.32;
  context.fillStyle = bar.striped ? striped(context, stripes, paint) : paint;
  context.fillRect(left, top, width, height);
  context.globalAlpha = 1;
  context.fillStyle = paint;
  context.fillRect(left, top, 3, height);
  if (width > LABEL_FROM) {
    // A bar that begins left of what is in view keeps its title in view.
    const text = Math.max(left, 0) + 8;
    context.font = font;
    context.textBaseline = 'middle';
    context.fillStyle = color(bar.failed ? '--fail' : '--text');
    context.fillText(bar.failed ? `✕ ${bar.title}` : bar.title, text, top + height / 2 + 0.5);
  }
  context.restore();
}

function drawParts({ context, color, stripes }: Pen, bar: Bar, left: number, right: number, top: number, height: number): void {
  const parts = bar.parts ?? [];
  const total = Math.max(bar.end - bar.start, parts.reduce((all, p) => all + p.length, 0));
  const gap = right - left > 4 ? 1 : 0;
  const width = right - left - gap;
  const perMs = total > 0 ? width / total : 0;
  context.fillStyle = color('--idle-soft');
  context.fillRect(left, top, Math.max(1, width), height);
  let at = left;
  for (const part of parts) {
    const wide = part.length * perMs;
    if (wide <= 0) continue;
    context.fillStyle = color(part.color);
    context.fillRect(at, top, wide, height);
    at += wide;
  }
  if (bar.striped) {
    context.globalAlpha = 0.75;
    context.fillStyle = striped(context, stripes, color('--surface'));
    context.fillRect(left, top, width, height);
    context.globalAlpha = 1;
  }
  if (bar.failed) {
    context.fillStyle = color('--fail');
    context.fillRect(left, top + height - 3, Math.max(1, width), 3);
    if (width > 12) cross(context, left + 2, top + 2, Math.min(height - 7, 7), color('--fail'), color('--surface'));
  }
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, size: number, ink: string, under: string): void {
  for (const [style, width] of [[under, 4], [ink, 1.8]] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y);
    context.lineTo(x, y + size);
    context.stroke();
  }
}

function frame({ context, color }: Pen, left: number, right: number, top: number, height: number, chosen: boolean): void {
  context.strokeStyle = color(chosen ? '--accent' : '--text');
  context.lineWidth = chosen ? 2 : 1;
  context.strokeRect(left - 0.5, top - 0.5, Math.max(3, right - left), height + 1);
}

function striped(context: CanvasRenderingContext2D, known: Map<string, CanvasPattern | string>, paint: string): CanvasPattern | string {
  const held = known.get(paint);
  if (held) return held;
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const ink = tile.getContext('2d');
  if (!ink) return paint;
  ink.strokeStyle = paint;
  ink.lineWidth = 2.4;
  ink.beginPath();
  for (const at of [-8, 0, 8]) {
    ink.moveTo(at, 8);
    ink.lineTo(at + 8, 0);
  }
  ink.stroke();
  const pattern = context.createPattern(tile, 'repeat') ?? paint;
  known.set(paint, pattern);
  return pattern;
}
