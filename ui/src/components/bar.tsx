import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { HelpKey } from '../help';
import { percent } from '../core/format';
import { Help } from './help';
import { Percent } from './number';
import './bar.css';

export interface BarPart {
  name: string;
  value: number;
  /** A colour token, e.g. `--c1`. */
  color: string;
  /** Drawn with stripes: time in which nothing was done. */
  striped?: boolean;
  help?: HelpKey;
}

interface Props {
  label: string;
  parts: BarPart[];
  show: (value: number) => ComponentChildren;
  /** What the parts add up to; the sum, unless told. */
  total?: number;
}

/** Parts of a whole: one bar, and a legend that is a table with shares and a sum. */
export function StackedBar({ label, parts, show, total = sum(parts) }: Props) {
  const [active, setActive] = useState<string>();
  const share = (part: BarPart) => (total > 0 ? part.value / total : 0);
  const hover = (name: string) => ({ onMouseEnter: () => setActive(name), onMouseLeave: () => setActive(undefined) });
  return (
    <div class={`stack${active ? ' picking' : ''}`}>
      <div class="stack-bar" aria-hidden="true">
        {parts.filter((part) => part.value > 0).map((part) => (
          <span
            key={part.name}
            class={`${part.striped ? 'striped' : ''}${part.name === active ? ' active' : ''}`}
            style={{ '--share': `${share(part) * 100}%`, '--color': `var(${part.color})` }}
            title={`${part.name}: ${percent(share(part))}`}
            {...hover(part.name)}
          />
        ))}
      </div>
      <table class="stack-legend" aria-label={label}>
        <tbody>
          {parts.map((part) => (
            <tr key={part.name} class={`${part.value === 0 ? 'none' : ''}${part.name === active ? ' active' : ''}`} {...hover(part.name)}>
              <th scope="row">
                <span class={`swatch${part.striped ? ' striped' : ''}`} style={{ '--color': `var(${part.color})` }} />
                {part.name}
                {part.help && <Help of={part.help} />}
              </th>
              <td><Percent v={share(part)} /></td>
              <td>{show(part.value)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Sum</th>
            <td><Percent v={total > 0 ? sum(parts) / total : 0} /></td>
            <td>{show(sum(parts))}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

const sum = (parts: BarPart[]): number => parts.reduce((all, part) => all + part.value, 0);

/** How much of a whole, in a table cell. */
export function Meter({ share, tone, children }: { share: number; tone?: string; children?: ComponentChildren }) {
  const width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return (
    <span class="meter">
      <span class="meter-bar" aria-hidden="true">
        <span style={{ width, background: tone && `var(${tone})` }} />
      </span>
      {children}
    </span>
  );
}
