import { count } from '../core/format';
import { kindOf, Mark } from './badge';
import './toggles.css';

interface Option {
  value: string;
  text: string;
  count?: number | undefined;
  /** Shows the status' mark. */
  status?: boolean;
}

/** Filters that are on or off, each with how many it lets through. */
export function Toggles({ label, options, chosen, choose }: { label: string; options: Option[]; chosen: string[]; choose: (values: string[]) => void }) {
  const toggle = (value: string) => choose(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  return (
    <div class="toggles" role="group" aria-label={label}>
      {options.map(({ value, text, count: n, status }) => (
        <button key={value} type="button" class="toggle" aria-pressed={chosen.includes(value)} onClick={() => toggle(value)}>
          {status && <Mark tone={kindOf(value).tone} />}
          {text}
          {n !== undefined && <span class="toggle-count">{count(n)}</span>}
        </button>
      ))}
    </div>
  );
}
