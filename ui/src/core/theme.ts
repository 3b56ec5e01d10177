import { useEffect, useState } from 'preact/hooks';
import { readPref, writePref } from './prefs';

/** Light, dark, or what the system says. `public/theme.js` applies a choice before the first paint. */

export type Theme = 'auto' | 'light' | 'dark';

const changed = new EventTarget();

export function theme(): Theme {
  return readPref<Theme>('theme') ?? 'auto';
}

export function setTheme(to: Theme): void {
  writePref('theme', to === 'auto' ? undefined : to);
  if (to === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = to;
  changed.dispatchEvent(new Event('change'));
}

/** Whether the page is dark now; redraws what is drawn by script when that changes. */
export function useDark(): boolean {
  const media = matchMedia('(prefers-color-scheme: dark)');
  const dark = () => (theme() === 'auto' ? media.matches : theme() === 'dark');
  const [now, set] = useState(dark);
  useEffect(() => {
    const look = () => set(dark());
    media.addEventListener('change', look);
    changed.addEventListener('change', look);
    return () => {
      media.removeEventListener('change', look);
      changed.removeEventListener('change', look);
    };
  }, []);
  return now;
}

/** The value of a colour token, for canvases. */
export function token(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
