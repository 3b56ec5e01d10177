import { useEffect, useRef } from 'preact/hooks';

/** Keys: one (`/`, `?`) or two after each other (`g a`). Not while somebody types. */

interface Shortcut {
  keys: string;
  does: string;
  run: () => void;
}

const active = new Set<{ current: Shortcut[] }>();
const PAUSE_MS = 1200;

export function useShortcuts(shortcuts: Shortcut[]): void {
  const held = useRef(shortcuts);
  held.current = shortcuts;
  useEffect(() => {
    active.add(held);
    return () => void active.delete(held);
  }, []);
}

/** All that work now, for the sheet. */
export function shortcuts(): Shortcut[] {
  const seen = new Map<string, Shortcut>();
  for (const group of active) for (const one of group.current) seen.set(one.keys, one);
  return [...seen.values()];
}

export function startShortcuts(): void {
  let first = '';
  let since = 0;
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    const known = shortcuts();
    const keys = first !== '' && event.timeStamp - since < PAUSE_MS ? `${first} ${event.key}` : event.key;
    const found = known.find((one) => one.keys === keys);
    first = '';
    if (found) {
      event.preventDefault();
      found.run();
    } else if (known.some((one) => one.keys.startsWith(`${event.key} `))) {
      first = event.key;
      since = event.timeStamp;
    }
  });
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio|button|range)$/.test(target.type);
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Puts the cursor into the page's own search, or into that of the bar. */
export function focusSearch(): void {
  const fields = [...document.querySelectorAll<HTMLInputElement>('input[type=search]')].filter((f) => f.offsetParent !== null);
  const field = fields.find((f) => f.closest('main')) ?? fields[0];
  field?.focus();
  field?.select();
}
