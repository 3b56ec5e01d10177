import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Camera, centred, filled, fit, held, meets, READABLE, showing, type Size, tile, zoomed } from '../plan/camera';
import type { Rect } from '../plan/layout';

/** How much of a card can be read at a distance. */
export type Level = 'full' | 'name' | 'dots';

const levelOf = (k: number): Level => (k >= 0.62 ? 'full' : k >= 0.3 ? 'name' : 'dots');

const GLIDE_MS = 220;

export interface Shown {
  /** Somewhat more than what is in view: cards outside are not drawn. */
  area: Rect;
  level: Level;
}

export interface Eye {
  shown: Shown;
  camera: { readonly current: Camera };
  view: { readonly current: Size };
  /** Called on every move, with what is to follow the camera without drawing anew. */
  onMove: (listener: () => void) => () => void;
  look: (camera: Camera, glide?: boolean) => void;
  fit: (glide?: boolean) => void;
  at: (x: number, y: number, k: number, glide?: boolean) => void;
  show: (rect: Rect) => void;
  zoom: (factor: number, at?: { x: number; y: number }) => void;
  pan: (x: number, y: number) => void;
  /** Keeps a card in place while the plan around it changes. */
  shift: (x: number, y: number) => void;
}

interface Options {
  viewport: RefObject<HTMLDivElement | null>;
  layer: RefObject<HTMLDivElement | null>;
  content: Size;
  /** The reader moved or zoomed. */
  onZoom: (k: number) => void;
}

/** A view on a plan that can be moved and zoomed. Moving sets one transform; drawing is left alone until other cards come into view. */
export function useCamera({ viewport, layer, content, onZoom }: Options): Eye {
  const camera = useRef<Camera>({ x: 0, y: 0, k: 1 });
  const view = useRef<Size>({ width: 0, height: 0 });
  const size = useRef(content);
  size.current = content;
  const told = useRef(onZoom);
  told.current = onZoom;
  const [shown, setShown] = useState<Shown>({ area: { x: 0, y: 0, width: 0, height: 0 }, level: 'full' });
  const listeners = useRef(new Set<() => void>());
  const gliding = useRef(0);

  const eye = useMemo(() => {
    const apply = () => {
      const { x, y, k } = camera.current;
      const element = layer.current;
      if (element) element.style.transform = `translate(${-x * k}px, ${-y * k}px) scale(${k})`;
      if (viewport.current) viewport.current.style.backgroundPosition = `${-x * k}px ${-y * k}px`;
      const area = tile(camera.current, view.current);
      const level = levelOf(k);
      setShown((before) => (before.level === level && same(before.area, area) ? before : { area, level }));
      for (const listener of listeners.current) listener();
    };
    const set = (to: Camera) => {
      camera.current = held(to, size.current, view.current);
      apply();
    };
    const look = (to: Camera, glide = false) => {
      cancelAnimationFrame(gliding.current);
      const from = camera.current;
      const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
      if (!glide || still || document.hidden || !meets(around(from), around(to))) return set(to);
      const start = performance.now();
      const step = (now: number) => {
        const t = Math.min(1, (now - start) / GLIDE_MS);
        const e = 1 - (1 - t) ** 3;
        const k = from.k * (to.k / from.k) ** e;
        set({ x: from.x + (to.x - from.x) * e, y: from.y + (to.y - from.y) * e, k });
        if (t < 1) gliding.current = requestAnimationFrame(step);
      };
      gliding.current = requestAnimationFrame(step);
    };
    const around = (c: Camera): Rect => ({ x: c.x, y: c.y, width: (view.current.width / c.k) * 2, height: (view.current.height / c.k) * 2 });
    const furthest = () => fit(size.current, view.current).k;
    return {
      apply,
      look,
      fit: (glide?: boolean) => look(fit(size.current, view.current), glide),
      at: (x: number, y: number, k: number, glide?: boolean) => look(centred(x, y, k, view.current), glide),
      show: (rect: Rect) => look(showing(camera.current, rect, view.current), true),
      zoom: (factor: number, at?: { x: number; y: number }) => {
        cancelAnimationFrame(gliding.current);
        set(zoomed(camera.current, factor, at ?? { x: view.current.width / 2, y: view.current.height / 2 }, furthest()));
        told.current(camera.current.k);
      },
      pan: (x: number, y: number) => {
        cancelAnimationFrame(gliding.current);
        const { k } = camera.current;
        set({ ...camera.current, x: camera.current.x + x / k, y: camera.current.y + y / k });
      },
      shift: (x: number, y: number) => set({ ...camera.current, x: camera.current.x + x, y: camera.current.y + y }),
      onMove: (listener: () => void) => {
        listeners.current.add(listener);
        return () => void listeners.current.delete(listener);
      },
    };
  }, []);

  useLayoutEffect(() => {
    const element = viewport.current;
    if (!element) return;
    const measure = () => {
      const before = view.current;
      view.current = { width: element.clientWidth, height: element.clientHeight };
      const { k } = camera.current;
      // What was in the middle stays there.
      if (before.width > 0) camera.current = { ...camera.current, x: camera.current.x + (before.width - view.current.width) / 2 / k, y: camera.current.y + (before.height - view.current.height) / 2 / k };
      eye.apply();
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(gliding.current);
    };
  }, []);

  useHands(viewport, eye);
  return { ...eye, shown, camera, view };
}

const same = (a: Rect, b: Rect): boolean => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

/** Wheel and drag. A press that hardly moves is a click, and left to whatever is below. */
function useHands(viewport: RefObject<HTMLDivElement | null>, eye: Pick<Eye, 'zoom' | 'pan'>): void {
  useEffect(() => {
    const element = viewport.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return eye.pan(sideways * unit, 0);
      const at = element.getBoundingClientRect();
      // Pinching on a touchpad arrives as a wheel with Ctrl, in small steps.
      const speed = event.ctrlKey ? 0.01 : 0.0016;
      eye.zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * unit)) * speed), { x: event.clientX - at.left, y: event.clientY - at.top });
    };
    let from: { x: number; y: number; moved: boolean } | undefined;
    const down = (event: PointerEvent) => {
      if (event.button !== 0 || (event.target as Element).closest('button, a, input, canvas')) return;
      from = { x: event.clientX, y: event.clientY, moved: false };
    };
    const move = (event: PointerEvent) => {
      if (!from) return;
      const [x, y] = [from.x - event.clientX, from.y - event.clientY];
      if (!from.moved && Math.abs(x) + Math.abs(y) < 5) return;
      if (!from.moved) element.setPointerCapture(event.pointerId);
      from = { x: event.clientX, y: event.clientY, moved: true };
      element.classList.add('dragging');
      eye.pan(x, y);
    };
    const up = () => {
      if (from?.moved) addEventListener('click', (event) => event.stopPropagation(), { capture: true, once: true });
      from = undefined;
      element.classList.remove('dragging');
    };
    element.addEventListener('wheel', wheel, { passive: false });
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', up);
    element.addEventListener('pointercancel', up);
    return () => {
      element.removeEventListener('wheel', wheel);
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', up);
      element.removeEventListener('pointercancel', up);
    };
  }, []);
}

/** The first look: everything if it can be read, else one card in the middle. */
export function firstLook(eye: Eye, content: Size, card: Rect | undefined): void {
  const whole = fit(content, eye.view.current);
  if (whole.k >= READABLE || !card) eye.fit();
  else eye.look(filled(centred(card.x + card.width / 2, card.y + card.height / 2, 0.95, eye.view.current), content, eye.view.current));
}
