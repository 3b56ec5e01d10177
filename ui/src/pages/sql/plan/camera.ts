import type { Rect } from './layout';

/** Where a view looks: `x` and `y` are the plan's point in its upper left corner, `k` pixels a unit. */
export interface Camera {
  x: number;
  y: number;
  k: number;
}

export interface Size {
  width: number;
  height: number;
}

export const CLOSEST = 2;
/** Closer than this, a card can be read without effort. */
export const READABLE = 0.72;

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** Everything, centred, with some room around; not larger than life. */
export function fit(content: Size, view: Size, margin = 28): Camera {
  const k = clamp(Math.min((view.width - 2 * margin) / content.width, (view.height - 2 * margin) / content.height), 0.005, 1);
  return centred(content.width / 2, content.height / 2, k, view);
}

export function centred(x: number, y: number, k: number, view: Size): Camera {
  return { x: x - view.width / k / 2, y: y - view.height / k / 2, k };
}

/** Closer or further, with the plan's point under `at` staying there. */
export function zoomed(camera: Camera, factor: number, at: { x: number; y: number }, furthest: number): Camera {
  const k = clamp(camera.k * factor, Math.min(furthest, 1), CLOSEST);
  return { x: camera.x + at.x / camera.k - at.x / k, y: camera.y + at.y / camera.k - at.y / k, k };
}

export function seen(camera: Camera, view: Size): Rect {
  return { x: camera.x, y: camera.y, width: view.width / camera.k, height: view.height / camera.k };
}

/** Moved so that some of the content stays in view. */
export function held(camera: Camera, content: Size, view: Size): Camera {
  const { width, height } = seen(camera, view);
  const edge = 80 / camera.k;
  return { ...camera, x: clamp(camera.x, edge - width, content.width - edge), y: clamp(camera.y, edge - height, content.height - edge) };
}

/** Moved so that no more emptiness is in view than must be. */
export function filled(camera: Camera, content: Size, view: Size, margin = 28): Camera {
  const { width, height } = seen(camera, view);
  const room = margin / camera.k;
  const along = (at: number, length: number, all: number) => (all + 2 * room <= length ? (all - length) / 2 : clamp(at, -room, all + room - length));
  return { ...camera, x: along(camera.x, width, content.width), y: along(camera.y, height, content.height) };
}

/** Moved no further than needed to have `rect` in view. */
export function showing(camera: Camera, rect: Rect, view: Size, margin = 24): Camera {
  const { width, height } = seen(camera, view);
  const room = margin / camera.k;
  const along = (at: number, size: number, from: number, length: number) => {
    if (size + 2 * room > length) return at + size / 2 - length / 2;
    if (at - room < from) return at - room;
    if (at + size + room > from + length) return at + size + room - length;
    return from;
  };
  return { ...camera, x: along(rect.x, rect.width, camera.x, width), y: along(rect.y, rect.height, camera.y, height) };
}

/** `seen` grown to a grid: what is drawn changes only when the view leaves a cell. */
export function tile(camera: Camera, view: Size): Rect {
  const { x, y, width, height } = seen(camera, view);
  const cell = 320 / camera.k;
  const left = Math.floor(x / cell - 0.5) * cell;
  const top = Math.floor(y / cell - 0.5) * cell;
  return { x: left, y: top, width: Math.ceil((x + width - left) / cell + 0.5) * cell, height: Math.ceil((y + height - top) / cell + 0.5) * cell };
}

export function meets(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
