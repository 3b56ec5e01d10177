import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../components/button';
import { navigate, usePlace } from '../core/router';
import { focusSearch, useShortcuts } from '../core/shortcuts';
import { setTheme, type Theme, theme } from '../core/theme';
import { fleetTabs } from '../pages';
import { Breadcrumbs } from './breadcrumbs';
import { ShortcutSheet } from './shortcut-sheet';
import './shell.css';

/** What is around every page: the bar at the top, and the keys that always work. */
export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = usePlace();
  const [sheet, setSheet] = useState(false);
  const main = useRef<HTMLElement>(null);

  useShortcuts([
    { keys: '/', does: 'Search', run: focusSearch },
    { keys: '?', does: 'Show the keys', run: () => setSheet(true) },
    ...fleetTabs.map((tab) => ({ keys: `g ${tab.key}`, does: `Go to ${tab.title}`, run: () => navigate(`/${tab.section}`) })),
  ]);
  useScrollMemory(main);

  const section = path.split('/')[1] ?? '';
  return (
    <>
      <a class="skip" href="#main">To the content</a>
      <header class="bar">
        <a class="brand" href="/" aria-label="Afterglow: applications">
          <Logo />
          <span>Afterglow</span>
        </a>
        <nav aria-label="Fleet" class="bar-nav">
          {fleetTabs.map((tab) => (
            <a key={tab.section} href={`/${tab.section}`} aria-current={section === tab.section ? 'page' : undefined}>
              {tab.title}
            </a>
          ))}
        </nav>
        <Breadcrumbs />
        <div class="bar-end">
          <Button quiet label="Keys" onClick={() => setSheet(true)}>
            <kbd>?</kbd>
          </Button>
          <ThemeButton />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      {sheet && <ShortcutSheet close={() => setSheet(false)} />}
    </>
  );
}

const NEXT: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
const SAID: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };

function ThemeButton() {
  const [now, set] = useState(theme);
  const next = NEXT[now];
  const change = () => {
    setTheme(next);
    set(next);
  };
  const icon = now === 'auto' ? 'auto' : now === 'light' ? 'sun' : 'moon';
  return <Button quiet icon={icon} label={`Theme: ${SAID[now]}; change to ${SAID[next]}`} onClick={change} />;
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <defs>
        <linearGradient id="glow" x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stop-color="#f2a65a" />
          <stop offset="1" stop-color="#7a5ae8" />
        </linearGradient>
      </defs>
      <path d="M5 20a11 11 0 0 1 22 0z" fill="url(#glow)" />
      <path d="M3 23.7h26M8.5 27.6h15" stroke="var(--accent)" stroke-width="2.2" stroke-linecap="round" />
    </svg>
  );
}

/** Pages scroll inside `main`; going back finds the place again, going elsewhere begins at the top. */
function useScrollMemory(main: { current: HTMLElement | null }) {
  const { path } = usePlace();
  const tops = useRef(new Map<string, number>());
  const back = useRef(false);
  useEffect(() => {
    const popped = () => {
      back.current = true;
    };
    addEventListener('popstate', popped);
    return () => removeEventListener('popstate', popped);
  }, []);
  useLayoutEffect(() => {
    const element = main.current;
    if (!element) return;
    const known = back.current ? (tops.current.get(path) ?? 0) : 0;
    back.current = false;
    element.scrollTop = known;
    const frame = requestAnimationFrame(() => (element.scrollTop = known));
    const keep = () => void tops.current.set(path, element.scrollTop);
    element.addEventListener('scroll', keep, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('scroll', keep);
    };
  }, [path]);
}
