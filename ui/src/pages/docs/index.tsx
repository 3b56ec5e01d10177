import { useEffect, useState } from 'preact/hooks';
import type { DocPage } from '../../core/doc-page';
import { useCrumbs } from '../../app/breadcrumbs';
import { Empty, Skeleton } from '../../components/state';
import { usePlace } from '../../core/router';
import type { PageProps } from '..';
import './docs.css';

/** The user documentation, as the binary's own version has it. */

const files = import.meta.glob<{ default: DocPage }>('../../../../docs/*.md');

/** Titles in the order in which a new user needs them. */
const PAGES: [string, string][] = [
  ['quick-start', 'Quick start'],
  ['sources', 'Sources'],
  ['configuration', 'Configuration'],
  ['operations', 'Operations'],
  ['rest-differences', 'Differences from Spark’s REST'],
  ['api', 'Afterglow’s own API'],
  ['findings', 'Findings'],
  ['custom-rules', 'Custom rules'],
  ['alerts', 'Incidents and delivery'],
  ['metrics', 'Metrics and alerts'],
  ['opentelemetry', 'OpenTelemetry'],
  ['remediation', 'Remediation'],
  ['performance', 'Performance'],
  ['sql', 'SQL'],
  ['grafana', 'Grafana'],
  ['store-format', 'Store format'],
];

export default function Docs({ params }: PageProps) {
  const name = params.page ?? 'quick-start';
  const page = useDoc(name);
  const { hash } = usePlace();
  useCrumbs(0, [{ text: 'Docs' }]);
  useEffect(() => {
    if (page && hash) document.getElementById(decodeURIComponent(hash.slice(1)))?.scrollIntoView();
  }, [page, hash]);
  return (
    <div class="page docs">
      <nav aria-label="Documentation">
        {PAGES.map(([path, title]) => (
          <div key={path}>
            <a href={`/docs/${path}`} aria-current={path === name ? 'page' : undefined}>{title}</a>
            {path === name && page && (
              <ul>
                {page.sections.map((section) => (
                  <li key={section.id}><a href={`/docs/${path}#${section.id}`}>{section.title}</a></li>
                ))}
              </ul>
            )}
          </div>
        ))}
      </nav>
      {page === undefined && <Skeleton />}
      {page === null && <Empty title="There is no such page">The list beside has all pages of the documentation.</Empty>}
      {/* Our own files, made into HTML when the UI was built. */}
      {page && <article class="doc" dangerouslySetInnerHTML={{ __html: page.html }} />}
    </div>
  );
}

/** A page; undefined while it is loaded, null if there is none. */
function useDoc(name: string): DocPage | null | undefined {
  const [found, set] = useState<{ name: string; page: DocPage | null }>();
  useEffect(() => {
    const load = files[`../../../../docs/${name}.md`];
    if (!load) return set({ name, page: null });
    let gone = false;
    load().then(
      (file) => !gone && set({ name, page: file.default }),
      () => !gone && set({ name, page: null }),
    );
    return () => {
      gone = true;
    };
  }, [name]);
  return found?.name === name ? found.page : undefined;
}
