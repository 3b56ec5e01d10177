import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import './tip.css';

export interface TipPlace {
  /** Of the pointer, in the window. */
  x: number;
  y: number;
}

/** What lies under the pointer, beside it. For the eye only: the same is in a table behind each drawing. */
export function Tip({ at, children }: { at: TipPlace; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const { width, height } = element.getBoundingClientRect();
    const right = at.x + 14 + width < innerWidth - 8;
    const below = at.y + 14 + height < innerHeight - 8;
    element.style.left = `${Math.max(8, right ? at.x + 14 : at.x - 14 - width)}px`;
    element.style.top = `${Math.max(8, below ? at.y + 14 : at.y - 14 - height)}px`;
  });
  return (
    <div ref={box} class="tip" aria-hidden="true">
      {children}
    </div>
  );
}

export interface TipLine {
  name: string;
  value: string;
  color?: string;
  /** Said less loudly. */
  small?: boolean;
}

export function TipTable({ title, lines }: { title: string; lines: TipLine[] }) {
  return (
    <>
      <strong class="tip-title">{title}</strong>
      <dl class="tip-lines">
        {lines.map(({ name, value, color, small }) => (
          <div key={name} class={small ? 'muted' : undefined}>
            <dt>
              {color && <i style={{ '--color': `var(${color})` }} />}
              {name}
            </dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
