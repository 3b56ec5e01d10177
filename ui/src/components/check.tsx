import type { ComponentChildren } from 'preact';
import './check.css';

interface Props {
  on: boolean;
  set: (on: boolean) => void;
  title?: string;
  children: ComponentChildren;
}

/** A box to tick, and its words. */
export function Check({ on, set, title, children }: Props) {
  return (
    <label class="check" title={title}>
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} />
      {children}
    </label>
  );
}
