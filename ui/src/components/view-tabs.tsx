import { usePlace, withQuery } from '../core/router';
import { count } from '../core/format';
import './view-tabs.css';

export interface View {
  id: string;
  title: string;
  count?: number | undefined;
}

/** The views of one page: links that change `view` in the address, the first of them without. */
export function ViewTabs({ label, views, shown, drop = [] }: { label: string; views: View[]; shown: string; drop?: string[] }) {
  const { path, query } = usePlace();
  const without = Object.fromEntries(drop.map((name) => [name, undefined]));
  return (
    <nav class="view-tabs" aria-label={label}>
      {views.map((view, at) => (
        <a key={view.id} href={withQuery(path, query, { ...without, view: at === 0 ? undefined : view.id })} aria-current={view.id === shown ? 'page' : undefined}>
          {view.title}
          {view.count !== undefined && <span class="view-count">{count(view.count)}</span>}
        </a>
      ))}
    </nav>
  );
}
