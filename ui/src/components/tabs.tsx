import type { ComponentChildren } from 'preact';
import { count } from '../core/format';
import { usePlace, withQuery } from '../core/router';
import './tabs.css';

interface Tab {
  id: string;
  title: string;
  href: string;
  count?: number | undefined;
  /** Behind the title: that something failed. */
  mark?: ComponentChildren;
}

/** The way between the pages of one thing. */
export function Tabs({ label, tabs, shown }: { label: string; tabs: Tab[]; shown: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ id, title, href, count: n, mark }) => (
        <a key={id} href={href} aria-current={id === shown ? 'page' : undefined}>
          {title}
          {n !== undefined && <span class="tab-count">{count(n)}</span>}
          {mark}
        </a>
      ))}
    </nav>
  );
}

export type View = Omit<Tab, 'href'>;

/** The views of one page: `view` in the address, the first of them without. `drop` are parameters that the other views do not know. */
export function ViewTabs({ label, views, shown, drop = [] }: { label: string; views: View[]; shown: string; drop?: string[] }) {
  const { path, query } = usePlace();
  const without = Object.fromEntries(drop.map((name) => [name, undefined]));
  const href = (at: number) => withQuery(path, query, { ...without, view: at === 0 ? undefined : views[at]?.id });
  return <Tabs label={label} tabs={views.map((view, at) => ({ ...view, href: href(at) }))} shown={shown} />;
}
