import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { percent } from '../../core/format';
import { Button } from '../button';
import { Skeleton } from '../state';
import type { Box, Line, Placement } from './layout';
import { rounded } from './path';
import './dag.css';

export interface DagNode extends Box {
  content: ComponentChildren;
}

export interface DagLine extends Line {
  /** What goes along it, in a few letters. */
  text?: string | undefined;
  title?: string | undefined;
  faint?: boolean;
}

interface Props {
  label: string;
  nodes: DagNode[];
  lines: DagLine[];
  direction?: 'right' | 'down';
  most?: number;
  legend?: ComponentChildren;
  /** The same as a table. */
  table: () => ComponentChildren;
}

const CLOSEST = 1.5;
const FARTHEST = 0.2;

/** Boxes and the arrows between them: drag or scroll to move, Ctrl + wheel to zoom. Boxes are ordinary markup, so their links are reachable. */
export function Dag({ label, nodes, lines, direction = 'right', most = 460, legend, table }: Props) {
  const shape = JSON.stringify([direction, nodes.map((node) => [node.id, node.width, node.height]), lines.map((l) => [l.from, l.to])]);
  const placed = usePlacement(nodes, lines, direction, shape);
  const [scale, setScale] = useState(1);
  const [asTable, setAsTable] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const arrow = useId();
  const texts = useMemo(() => new Map(lines.map((l) => [`${l.from} ${l.to}`, l])), [lines]);

  const fit = () => {
    const room = frame.current?.clientWidth ?? 0;
    if (placed && room > 0) setScale(Math.max(0.45, Math.min(1, room / placed.width, Math.max(0.6, most / placed.height))));
  };
  useLayoutEffect(fit, [placed, asTable]);
  useZoom(frame, scale, setScale, [placed, asTable]);

  return (
    <figure class="dag" aria-label={label}>
      <div class="dag-bar">
        <div class="dag-legend">{legend}</div>
        {!asTable && (
          <>
            <Button quiet label="Smaller" onClick={() => setScale(Math.max(FARTHEST, scale / 1.25))}>−</Button>
            <span class="muted">{percent(Math.round(scale * 100) / 100).replace('.0', '')}</span>
            <Button quiet label="Larger" onClick={() => setScale(Math.min(CLOSEST, scale * 1.25))}>+</Button>
            <Button quiet onClick={fit}>Fit</Button>
          </>
        )}
        <Button quiet icon={asTable ? 'chart' : 'table'} label={asTable ? `Show ${label} as a graph` : `Show ${label} as a table`} onClick={() => setAsTable(!asTable)} />
      </div>
      {asTable ? (
        table()
      ) : placed ? (
        <div ref={frame} class="dag-frame" style={{ height: `${Math.min(most, placed.height * scale + 14)}px` }} onPointerDown={grab}>
          <div class="dag-size" style={{ width: `${placed.width * scale}px`, height: `${placed.height * scale}px` }}>
            <div style={{ width: `${placed.width}px`, height: `${placed.height}px`, transform: `scale(${scale})`, transformOrigin: '0 0' }}>
              <svg class="dag-lines" width={placed.width} height={placed.height} aria-hidden="true">
                <defs>
                  <marker id={arrow} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                    <path d="M0 0.5 8 4 0 7.5z" class="dag-arrow" />
                  </marker>
                </defs>
                {placed.lines.map((l) => (
                  <path key={`${l.from} ${l.to}`} class={`dag-line${texts.get(`${l.from} ${l.to}`)?.faint ? ' faint' : ''}`} d={rounded(l.points)} marker-end={`url(#${arrow})`} />
                ))}
              </svg>
              {placed.lines.map((l) => {
                const line = texts.get(`${l.from} ${l.to}`);
                const middle = l.points[Math.floor(l.points.length / 2)];
                return line?.text && middle ? (
                  <span key={`${l.from} ${l.to}`} class="dag-text" title={line.title} style={{ left: `${middle.x}px`, top: `${middle.y}px` }}>{line.text}</span>
                ) : null;
              })}
              <ul>
                {nodes.map((node) => {
                  const at = placed.nodes.get(node.id);
                  return (
                    <li key={node.id} style={{ left: `${at?.x ?? 0}px`, top: `${at?.y ?? 0}px`, width: `${node.width}px`, height: `${node.height}px` }}>{node.content}</li>
                  );
                })}
              </ul>
            </div>
          </div>
        </div>
      ) : (
        <Skeleton height={160} />
      )}
    </figure>
  );
}

function usePlacement(nodes: DagNode[], lines: DagLine[], direction: 'right' | 'down', shape: string): Placement | undefined {
  const [placed, setPlaced] = useState<{ shape: string; at: Placement }>();
  useEffect(() => {
    let gone = false;
    void import('./layout').then(({ arrange }) => {
      if (!gone) setPlaced({ shape, at: arrange(nodes, lines, direction) });
    });
    return () => {
      gone = true;
    };
  }, [shape]);
  return placed?.shape === shape ? placed.at : undefined;
}

/** Zooms with Ctrl and the wheel; what is under the pointer stays there. */
function useZoom(frame: { current: HTMLDivElement | null }, scale: number, setScale: (scale: number) => void, drawn: unknown[]) {
  const now = useRef(scale);
  now.current = scale;
  const keep = useRef<{ x: number; y: number; left: number; top: number } | undefined>(undefined);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const left = event.clientX - box.left;
      const top = event.clientY - box.top;
      keep.current = { x: (element.scrollLeft + left) / now.current, y: (element.scrollTop + top) / now.current, left, top };
      setScale(Math.min(CLOSEST, Math.max(FARTHEST, now.current * Math.exp(-event.deltaY / 400))));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, drawn);
  useLayoutEffect(() => {
    const element = frame.current;
    const at = keep.current;
    if (!element || !at) return;
    element.scrollLeft = at.x * scale - at.left;
    element.scrollTop = at.y * scale - at.top;
    keep.current = undefined;
  }, [scale]);
}

/** Moves what is scrolled with the pointer; links stay links. */
function grab(event: PointerEvent & { currentTarget: HTMLElement }): void {
  if (event.button !== 0 || event.pointerType !== 'mouse' || (event.target as Element).closest('a, button')) return;
  const element = event.currentTarget;
  const start = { x: event.clientX + element.scrollLeft, y: event.clientY + element.scrollTop };
  const move = (e: PointerEvent) => {
    element.scrollLeft = start.x - e.clientX;
    element.scrollTop = start.y - e.clientY;
  };
  const up = () => {
    removeEventListener('pointermove', move);
    removeEventListener('pointerup', up);
  };
  addEventListener('pointermove', move);
  addEventListener('pointerup', up);
}
