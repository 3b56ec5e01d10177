import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

/** Where one is. Pages say it; the bar shows it, and the window's title follows. */

interface Crumb {
  text: string;
  href?: string;
}

type Listener = (crumbs: Crumb[]) => void;

class Trail {
  crumbs: Crumb[] = [];
  listener: Listener = () => undefined;
  private readonly levels = new Map<number, Crumb[]>();

  set(level: number, crumbs: Crumb[] | undefined): void {
    if (crumbs) this.levels.set(level, crumbs);
    else this.levels.delete(level);
    this.crumbs = [...this.levels.entries()].sort(([a], [b]) => a - b).flatMap(([, c]) => c);
    this.listener(this.crumbs);
  }
}

const TrailContext = createContext(new Trail());

/** Adds to the trail while the component is shown: the application at level 0, its page at 1. */
export function useCrumbs(level: number, crumbs: Crumb[]): void {
  const trail = useContext(TrailContext);
  const key = JSON.stringify(crumbs);
  useEffect(() => {
    trail.set(level, crumbs);
    document.title = [...trail.crumbs.map((c) => c.text).reverse(), 'Afterglow'].join(' · ');
    return () => trail.set(level, undefined);
  }, [key, level]);
}

export function Breadcrumbs() {
  const trail = useContext(TrailContext);
  const [crumbs, set] = useState(trail.crumbs);
  useEffect(() => {
    trail.listener = set;
    set(trail.crumbs);
  }, []);
  // One alone says no more than the bar beside it.
  if (crumbs.length < 2) return null;
  return (
    <nav aria-label="Breadcrumbs" class="crumbs">
      <ol>
        {crumbs.map((crumb, at) => (
          <li key={at}>
            {crumb.href !== undefined && at < crumbs.length - 1 ? <a href={crumb.href}>{crumb.text}</a> : <span aria-current={at === crumbs.length - 1 ? 'page' : undefined}>{crumb.text}</span>}
          </li>
        ))}
      </ol>
    </nav>
  );
}
