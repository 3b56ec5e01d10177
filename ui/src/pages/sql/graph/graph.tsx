import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Button } from '../../../components/button';
import { compact, count, percent } from '../../../core/format';
import { meets } from '../plan/camera';
import type { Difference } from '../plan/diff';
import { type Box, CARD_HEIGHT, FRAME_PAD, type Layout, layout, type Route } from '../plan/layout';
import { heat, rowsOut } from '../plan/metric';
import { type Plan, shapeOf } from '../plan/plan';
import { type Card as CardOf, type Line, visible, type View } from '../plan/visible';
import { Card } from './card';
import { Frame, FrameHead } from './frame';
import { Minimap } from './minimap';
import { firstLook, type Level, useCamera } from './use-camera';
import { walk } from './walk';
import './graph.css';

interface Props {
  /** Names the plan: with another name, the view begins anew. */
  name: string;
  plan: Plan;
  view: View;
  /** Of the chosen plan against the other one, if adaptive execution changed it. */
  changes: Difference['final'] | undefined;
  other: Plan | undefined;
  /** Whether it is the plan before the changes. */
  initial: boolean;
  selected: number | undefined;
  /** Operators that a search found; undefined without one. */
  found: ReadonlySet<number> | undefined;
  /** `fit`, percents, or nothing: as suits the plan. */
  zoom: string;
  onZoom: (zoom: string) => void;
  onSelect: (id: number | undefined) => void;
  onToggle: (id: number) => void;
}

/** A plan to be walked: by mouse, by keys, and by screen readers as a tree. */
export function Graph(props: Props) {
  const { name, plan, view, changes, other, initial, selected, found, zoom, onSelect, onToggle } = props;
  const id = useId();
  const viewport = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const drawn = useMemo(() => visible(plan, view), [plan, view]);
  const placed = useMemo(() => layout(drawn.cards.map(({ id, frame }) => ({ id, ...(frame !== undefined && { frame }) })), drawn.lines), [drawn]);
  const cards = useMemo(() => new Map(drawn.cards.map((card) => [card.id, card])), [drawn]);
  const framed = useMemo(() => new Set(drawn.cards.filter((card) => card.frame !== undefined).map((card) => card.id)), [drawn]);
  const chosen = selected === undefined ? undefined : drawn.cardOf(selected);

  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const eye = useCamera({
    viewport,
    layer,
    content: placed,
    onZoom: (k) => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => props.onZoom(String(Math.max(1, Math.round(k * 100)))), 250);
    },
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  useEye(eye, `${name} ${view.detail}`, shapeOf(plan), placed, drawn, zoom, chosen);

  const choose = (card: number) => {
    viewport.current?.focus({ preventScroll: true });
    // A card that stands for several operators keeps the one that was chosen before, if it is among them.
    if (chosen !== card) onSelect(card);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.target !== viewport.current || event.altKey || event.ctrlKey || event.metaKey) return;
    if (key(event.key, event.shiftKey)) event.preventDefault();
  };
  const key = (name: string, shift: boolean): boolean => {
    const arrow = /^Arrow(Up|Down|Left|Right)$/.exec(name)?.[1];
    if (arrow && shift) eye.pan(arrow === 'Left' ? -80 : arrow === 'Right' ? 80 : 0, arrow === 'Up' ? -80 : arrow === 'Down' ? 80 : 0);
    else if (arrow || name === 'Home' || name === 'End') {
      const next = walk(drawn, placed, chosen, (arrow ?? name) as Parameters<typeof walk>[3]);
      if (next !== undefined && next !== chosen) onSelect(next);
    } else if (name === '+' || name === '=') eye.zoom(1.25);
    else if (name === '-') eye.zoom(0.8);
    else if (name === '0') fitAll();
    else if (name === '1') actual();
    else if (name === 'f' && chosen !== undefined && plan.byId.has(chosen)) onToggle(chosen);
    else if (name === 'Enter' && chosen !== undefined && cards.get(chosen)?.kind === 'branches') onToggle(chosen);
    else if (name === 'Escape' && selected !== undefined) onSelect(undefined);
    else return false;
    return true;
  };
  const fitAll = () => {
    eye.fit(true);
    props.onZoom('fit');
  };
  const actual = () => {
    eye.zoom(1 / eye.camera.current.k);
    const box = placed.boxes.get(chosen ?? NaN);
    if (box) eye.at(box.x + box.width / 2, box.y + box.height / 2, 1);
    props.onZoom('100');
  };

  const { area, level } = eye.shown;
  const frames = placed.frames.filter((frame) => meets(area, frame));
  const inView = drawn.cards.filter((card) => card.id === chosen || (level !== 'dots' && meets(area, placed.boxes.get(card.id) ?? NOWHERE)));
  const active = chosen !== undefined && inView.some((card) => card.id === chosen) ? `${id}${chosen}` : undefined;
  const foundCards = useMemo(() => found && new Set([...found].map((one) => drawn.cardOf(one))), [found, drawn]);

  return (
    <div class={`plan-graph at-${level}`}>
      <div ref={viewport} class="graph-view" role="tree" tabIndex={0} aria-label={`Plan graph, ${count(plan.operators.length)} operators. Arrow keys walk along the edges, f folds, plus and minus zoom.`}
        aria-activedescendant={active} onKeyDown={pressed} onClick={(event) => event.target === viewport.current && onSelect(undefined)}>
        <div ref={layer} class="graph-layer" role="presentation">
          {level !== 'dots' && frames.map((frame) => <Frame key={frame.id} frame={frame} selected={selected === frame.id} />)}
          <Edges plan={plan} placed={placed} lines={drawn.lines} framed={framed} level={level} near={chosen} area={area} />
          {level === 'full' && frames.map((frame) => <FrameHead key={frame.id} frame={frame} plan={plan} onSelect={onSelect} onToggle={onToggle} />)}
          {level === 'dots' && <Dots placed={placed} cards={cards} found={foundCards} onSelect={choose} />}
          {inView.map((card) => {
            const box = placed.boxes.get(card.id);
            const change = card.kind === 'operator' ? changes?.get(card.id) : undefined;
            return box && (
              <Card key={card.id} card={card} box={box} elementId={`${id}${card.id}`} depth={box.rank + 1} brief={level !== 'full'} selected={card.id === chosen}
                found={foundCards && foundCards.has(card.id)} change={change?.kind} was={change && 'with' in change ? other?.byId.get(change.with)?.name : undefined}
                before={initial} foldable={card.kind === 'operator' && plan.inputs(card.id).length > 0} onSelect={choose} onToggle={onToggle} />
            );
          })}
          {inView.length === 0 && <div class="hidden-visually" role="treeitem" aria-selected={false}>{count(drawn.cards.length)} cards, too far away to read: press 1</div>}
        </div>
      </div>
      <Minimap placed={placed} heats={drawn.cards} eye={eye} />
      <div class="graph-zoom" role="group" aria-label="Zoom">
        <Button label="Further (-)" onClick={() => eye.zoom(0.8)}>−</Button>
        <Button label="Closer (+)" onClick={() => eye.zoom(1.25)}>+</Button>
        <Button title="The whole plan (0)" onClick={fitAll}>Whole</Button>
        <Button title="As large as can be read well (1)" onClick={actual}>1:1</Button>
      </div>
    </div>
  );
}

const NOWHERE = { x: NaN, y: NaN, width: 0, height: 0 };

/** Where the view goes by itself: to begin with, and when what is drawn or chosen changes. */
function useEye(eye: ReturnType<typeof useCamera>, name: string, shape: string, placed: Layout, drawn: ReturnType<typeof visible>, zoom: string, chosen: number | undefined): void {
  const seen = useRef<{ name: string; shape: string; placed: Layout; chosen: number | undefined } | undefined>(undefined);
  useLayoutEffect(() => {
    const before = seen.current;
    seen.current = { name, shape, placed, chosen };
    if (!before || before.name !== name) {
      const hottest = [...drawn.cards].filter((card) => card.kind !== 'branches').sort((a, b) => (b.share ?? 0) - (a.share ?? 0))[0];
      const top = [...placed.boxes.values()].reduce<Box | undefined>((best, one) => (!best || one.y < best.y ? one : best), undefined);
      const box = placed.boxes.get(chosen ?? (hottest?.share ? hottest.id : NaN)) ?? top;
      const percent = Number(zoom);
      if (zoom === 'fit') eye.fit();
      else if (percent > 0 && box) eye.at(box.x + box.width / 2, box.y + box.height / 2, percent / 100);
      else firstLook(eye, placed, box);
      return;
    }
    const box = placed.boxes.get(chosen ?? NaN);
    // While it runs, its plan may change, and with it the operators' ids: then nothing can be kept in place.
    if (before.placed !== placed && before.shape === shape) {
      // Folding moves the plan: the chosen card, or else whatever is still there, keeps its place.
      const anchor = [chosen, ...before.placed.boxes.keys()].find((one) => one !== undefined && placed.boxes.has(one) && before.placed.boxes.has(one));
      const [was, is] = [before.placed.boxes.get(anchor ?? NaN), placed.boxes.get(anchor ?? NaN)];
      if (was && is) eye.shift(is.x - was.x, is.y - was.y);
    }
    if (box && (before.chosen !== chosen || before.shape !== shape)) eye.show(box);
  }, [name, shape, placed, chosen]);
}

interface EdgesProps {
  plan: Plan;
  placed: Layout;
  lines: Line[];
  /** Cards with a frame around them: the space below is its foot. */
  framed: ReadonlySet<number>;
  level: Level;
  near: number | undefined;
  area: { x: number; y: number; width: number; height: number };
}

function curve({ x1, y1, x2, y2 }: Route): string {
  const bend = Math.max(18, Math.abs(y2 - y1) * 0.45);
  return x1 === x2 ? `M${x1} ${y1}V${y2}` : `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
}

/** Wider with more rows, so that a glance shows where rows multiply and where they are dropped. */
function widthOf(rows: number | undefined): number {
  return rows === undefined || rows < 1 ? 1.5 : Math.min(9, 1.5 + Math.log10(rows) * 0.75);
}

function Edges({ plan, placed, lines, framed, level, near, area }: EdgesProps) {
  const rowsOf = useMemo(() => new Map(lines.map(({ from, to, rows }) => [`${from} ${to}`, { id: rows, rows: plan.byId.has(rows) ? rowsOut(plan, rows) : undefined }])), [plan, lines]);
  if (level === 'dots') {
    return <svg class="graph-edges" aria-hidden="true"><path class="edge" stroke-width={6} d={placed.routes.map((r) => `M${r.x1} ${r.y1}L${r.x2} ${r.y2}`).join('')} /></svg>;
  }
  const shown = placed.routes.filter((r) => meets(area, { x: Math.min(r.x1, r.x2), y: r.y1, width: Math.abs(r.x1 - r.x2) || 1, height: r.y2 - r.y1 }));
  return (
    <svg class="graph-edges" aria-hidden="true">
      {shown.map((route) => {
        const { rows, id } = rowsOf.get(`${route.from} ${route.to}`) ?? { rows: undefined, id: NaN };
        const subquery = plan.byId.get(id)?.name.startsWith('Subquery');
        const lit = route.from === near || route.to === near;
        return (
          <g key={`${route.from} ${route.to}`}>
            <path class={`edge${lit ? ' lit' : ''}${subquery ? ' subquery' : ''}${route.long ? ' shared' : ''}`} d={curve(route)} stroke-width={widthOf(rows)} />
            {level === 'full' && rows !== undefined && (
              <text x={route.x1 + 8} y={route.y1 + (framed.has(route.from) ? FRAME_PAD : 0) + 20}>
                {rows >= 1e6 ? compact(rows) : count(rows)}
                <title>{count(rows)} rows</title>
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** From afar: every card a coloured dot, drawn in six strokes however many there are. */
function Dots({ placed, cards, found, onSelect }: { placed: Layout; cards: Map<number, CardOf>; found: Set<number | undefined> | undefined; onSelect: (id: number) => void }) {
  const paths = useMemo(() => {
    const byHeat: string[][] = [[], [], [], [], [], []];
    for (const [id, box] of placed.boxes) byHeat[heat(cards.get(id)?.share)]?.push(`M${box.x} ${box.y}h${box.width}v${CARD_HEIGHT}h${-box.width}z`);
    return byHeat.map((parts) => parts.join(''));
  }, [placed, cards]);
  const [over, setOver] = useState<CardOf>();
  const rings = found && [...found].flatMap((id) => placed.boxes.get(id ?? NaN) ?? []).map((box) => `M${box.x - 20} ${box.y - 20}h${box.width + 40}v${CARD_HEIGHT + 40}h${-box.width - 40}z`).join('');
  const under = (event: MouseEvent): CardOf | undefined => {
    const layer = (event.currentTarget as SVGElement).getBoundingClientRect();
    const k = layer.width / placed.width;
    const [x, y] = [(event.clientX - layer.left) / k, (event.clientY - layer.top) / k];
    for (const box of placed.boxes.values()) if (x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height) return cards.get(box.id);
    return undefined;
  };
  const pick = (event: MouseEvent) => {
    const card = under(event);
    if (card) onSelect(card.id);
  };
  return (
    <svg class="graph-dots" aria-hidden="true" width={placed.width} height={placed.height} onClick={pick} onMouseMove={(event) => setOver(under(event))}>
      {over && <title>{`${over.title}${over.share === undefined ? '' : `, ${percent(over.share)}`}`}</title>}
      {paths.map((d, step) => d && <path key={step} class={`dot heat${step}`} d={d} />)}
      {rings && <path class="dot-found" d={rings} />}
    </svg>
  );
}
