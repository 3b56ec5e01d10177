import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { duration, durationExact, time } from '../../core/format';
import { navigate, useParam } from '../../core/router';
import { useDark } from '../../core/theme';
import { isPage } from '../../pages';
import { Button } from '../button';
import { Tip, type TipPlace } from '../tip';
import { Brush } from './brush';
import { draw } from './draw';
import { LaneName } from './lane-name';
import { type Bar, barAt, type Lane, lanesDuring, lanesIn, place, type RowHeights } from './lanes';
import { paints } from './paints';
import { moved, type Range, read, same, spanOf, ticks, written, zoomed } from './range';
import './timeline.css';

interface Props {
  label: string;
  lanes: Lane[];
  whole: Range;
  rows: RowHeights;
  /** Height of what is in view, pixels; less if the lanes need less. */
  most: number;
  legend?: ComponentChildren;
  tip: (bar: Bar) => ComponentChildren;
  /** The same as a table, for keyboards and screen readers. */
  table: () => ComponentChildren;
  /** Names the parameter of the address that has the part in view. */
  param?: string;
  chosen?: string | undefined;
  /** A click on a bar; where its `href` leads, unless told. */
  onPick?: (bar: Bar) => void;
}

const GUTTER = 190;
const NARROW_GUTTER = 110;
/** From here on lanes with nothing in view are left out. */
const MANY_LANES = 40;

/** Bars in lanes over time: zoom by dragging or the wheel, the whole in small above, and a table behind it. */
export function Timeline(props: Props) {
  const { label, lanes, whole, most, tip, chosen, param = 'range' } = props;
  const dark = useDark();
  const [stated, state] = useParam(param);
  const [range, setRange] = useState<Range>(() => read(stated, whole));
  const [table, setTable] = useState(false);
  const [hover, setHover] = useState<{ bar: Bar; at: TipPlace }>();
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const [view, setView] = useState({ width: 0, height: 0, scroll: 0 });
  const body = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const color = useMemo(paints, [dark]);
  const resting = useResting(range);
  const shown = useMemo(() => (lanes.length > MANY_LANES ? lanesDuring(lanes, resting.from, resting.to) : lanes), [lanes, lanes.length > MANY_LANES ? resting : undefined]);
  const placed = useMemo(() => place(shown, props.rows), [shown, props.rows]);
  const gutter = view.width > 0 && view.width < 640 ? NARROW_GUTTER : GUTTER;
  const width = Math.max(1, view.width - gutter);
  const marks = useMemo(() => ticks(range, Math.max(2, Math.floor(width / 96))), [range, width]);
  const isWhole = same(range, whole);

  // What is in view is part of the address, and follows the end of what still runs.
  const before = useRef(whole);
  useEffect(() => {
    setRange((now) => (same(now, before.current) ? whole : now));
    before.current = whole;
  }, [whole.from, whole.to]);
  useEffect(() => {
    const wanted = written(range, whole);
    if ((wanted ?? '') === stated) return;
    const timer = setTimeout(() => state(wanted), 250);
    return () => clearTimeout(timer);
  }, [range]);

  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return;
    const look = () => setView({ width: element.clientWidth, height: element.clientHeight, scroll: element.scrollTop });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [table]);

  useLayoutEffect(() => {
    if (!canvas.current || view.width === 0) return;
    const font = `500 11px ${getComputedStyle(document.documentElement).fontFamily}`;
    draw(canvas.current, { placed, range, ticks: marks, scroll: view.scroll, width, height: view.height, active: hover?.bar.key, chosen, color, font });
  }, [placed, range, marks, view, width, hover?.bar.key, chosen, color, table]);

  const timeAt = (clientX: number): number => {
    const left = (canvas.current?.getBoundingClientRect().left ?? 0);
    return range.from + (Math.min(width, Math.max(0, clientX - left)) / width) * spanOf(range);
  };
  const barUnder = (event: PointerEvent | MouseEvent): Bar | undefined => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box || event.clientX < box.left) return undefined;
    return barAt(placed, event.clientY - box.top + view.scroll, timeAt(event.clientX), (spanOf(range) / width) * 3);
  };

  const latest = useRef({ range, whole, width, timeAt });
  latest.current = { range, whole, width, timeAt };
  useEffect(() => {
    const element = body.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      const now = latest.current;
      const inGutter = event.clientX < (canvas.current?.getBoundingClientRect().left ?? 0);
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (sideways) {
        event.preventDefault();
        const pixels = event.deltaX || event.deltaY;
        setRange(moved(now.range, now.whole, (pixels / now.width) * spanOf(now.range)));
      } else if (event.ctrlKey || event.metaKey || (document.activeElement === element && !inGutter)) {
        event.preventDefault();
        setRange(zoomed(now.range, now.whole, Math.exp(Math.sign(event.deltaY) * Math.min(0.5, Math.abs(event.deltaY) / 300)), now.timeAt(event.clientX)));
      }
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, [table]);

  const pick = useCallback(
    (bar: Bar) => {
      if (props.onPick) props.onPick(bar);
      else if (bar.href && isPage(new URL(bar.href, location.href).pathname)) navigate(bar.href);
    },
    [props.onPick],
  );

  const pressed = (event: PointerEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box || event.button !== 0 || event.clientX < box.left || event.clientX > box.left + width) return;
    const start = { x: event.clientX, range, time: timeAt(event.clientX), bar: barUnder(event) };
    const panning = event.shiftKey;
    let far = false;
    const move = (e: PointerEvent) => {
      if (!far && Math.abs(e.clientX - start.x) < 4) return;
      far = true;
      setHover(undefined);
      if (panning) setRange(moved(start.range, whole, ((start.x - e.clientX) / width) * spanOf(start.range)));
      else setDrag({ from: Math.min(start.time, timeAt(e.clientX)), to: Math.max(start.time, timeAt(e.clientX)) });
    };
    const up = (e: PointerEvent) => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', up);
      setDrag(undefined);
      if (!far && start.bar) pick(start.bar);
      else if (far && !panning) {
        const to = timeAt(e.clientX);
        setRange(zoomed({ from: Math.min(start.time, to), to: Math.max(start.time, to) }, whole, 1));
      }
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', up);
  };

  const keyed = (event: KeyboardEvent) => {
    if (event.target !== body.current) return;
    const step = spanOf(range) / 8;
    const acts: Record<string, () => void> = {
      ArrowLeft: () => setRange(moved(range, whole, -step)),
      ArrowRight: () => setRange(moved(range, whole, step)),
      '+': () => setRange(zoomed(range, whole, 0.6)),
      '=': () => setRange(zoomed(range, whole, 0.6)),
      '-': () => setRange(zoomed(range, whole, 1 / 0.6)),
      '0': () => setRange(whole),
      Escape: () => body.current?.blur(),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  };

  const pixel = (at: number) => ((at - range.from) / Math.max(1, spanOf(range))) * width;
  return (
    <figure class="timeline" aria-label={label} style={{ '--gutter': `${gutter}px` }}>
      <div class="timeline-bar">
        <div class="timeline-legend">{props.legend}</div>
        <span class="muted" title={`${time(range.from)} to ${time(range.to)}; ${durationExact(Math.round(spanOf(range)))}`}>
          {isWhole ? '' : `${duration(Math.round(spanOf(range)))} of `}{duration(Math.round(spanOf(whole)))}
        </span>
        {!isWhole && !table && <Button quiet onClick={() => setRange(whole)}>Whole range</Button>}
        <Button quiet icon={table ? 'chart' : 'table'} label={table ? `Show ${label} as a drawing` : `Show ${label} as a table`} onClick={() => setTable(!table)} />
      </div>
      {table ? (
        props.table()
      ) : (
        <>
          <div class="timeline-top">
            <Brush lanes={lanes} whole={whole} range={range} onRange={setRange} color={color} />
            <div class="timeline-axis" aria-hidden="true">
              {marks.map((tick) => (
                <span key={tick.at} style={{ left: `${pixel(tick.at)}px` }}>{tick.text}</span>
              ))}
            </div>
          </div>
          <div
            ref={body}
            class={`timeline-body${drag ? ' dragging' : ''}${hover ? ' over' : ''}`}
            style={{ height: `${Math.min(most, placed.height)}px` }}
            tabIndex={0}
            role="application"
            aria-roledescription="timeline"
            aria-label={`${label}. Arrow keys move, plus and minus zoom, 0 shows everything; the button above shows it as a table.`}
            onPointerDown={pressed}
            onPointerMove={(event) => {
              if (drag) return;
              const bar = event.buttons === 0 ? barUnder(event) : undefined;
              setHover(bar && { bar, at: { x: event.clientX, y: event.clientY } });
            }}
            onPointerLeave={() => setHover(undefined)}
            onDblClick={() => setRange(whole)}
            onKeyDown={keyed}
          >
            <div style={{ height: `${placed.height}px` }}>
              <div class="timeline-view" style={{ height: `${view.height}px`, marginLeft: `${gutter}px` }}>
                <canvas ref={canvas} style={{ width: `${width}px`, height: `${view.height}px` }} />
                {drag && <div class="timeline-drag" style={{ left: `${pixel(drag.from)}px`, width: `${pixel(drag.to) - pixel(drag.from)}px` }}><span>{duration(Math.round(drag.to - drag.from))}</span></div>}
              </div>
              {lanesIn(placed, view.scroll, view.scroll + view.height).map(({ lane, top, height }) => (
                <LaneName key={lane.key} lane={lane} top={top} height={height} scroll={view.scroll} />
              ))}
            </div>
          </div>
          <p class="timeline-hint muted">Drag to zoom, double-click for everything. Ctrl + wheel zooms, Shift + wheel moves; after a click the wheel zooms alone.</p>
        </>
      )}
      {hover && !table && <Tip at={hover.at}>{tip(hover.bar)}</Tip>}
    </figure>
  );
}

/** The range as soon as it rests: what is laid out by it does not jump while one zooms. */
function useResting(range: Range): Range {
  const [resting, rest] = useState(range);
  useEffect(() => {
    const timer = setTimeout(() => rest(range), 200);
    return () => clearTimeout(timer);
  }, [range]);
  return resting;
}
