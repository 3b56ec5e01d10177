import { useEffect, useMemo } from 'preact/hooks';
import { rule as ruleOf, rules } from '../../api/findings';
import { useResource } from '../../api/resource';
import { useCrumbs } from '../../app/breadcrumbs';
import { Badge } from '../../components/badge';
import { Loaded, Skeleton } from '../../components/state';
import { docPage } from '../../core/doc-page';
import type { PageProps } from '..';
import { byFamily, familyTitle } from './families';
import '../docs/docs.css';
import './rules.css';

/** The page of a rule, which is also what to do when it speaks. */
export default function RulePage({ params }: PageProps) {
  const name = params.rule ?? '';
  const rule = useResource(ruleOf(name));
  const all = useResource(rules());
  useCrumbs(0, [{ text: 'Rules', href: '/rules' }, { text: name }]);
  useEffect(() => {
    document.querySelector('.rules-nav [aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [name, all.data]);
  return (
    <div class="page docs">
      <nav aria-label="Rules" class="rules-nav">
        {byFamily(all.data ?? []).map(([family, of]) => (
          <div key={family}>
            <p class="rules-family">{familyTitle(family)}</p>
            {of.map((one) => <a key={one.name} href={`/rules/${encodeURIComponent(one.name)}`} title={one.title} aria-current={one.name === name ? 'page' : undefined}>{one.name}</a>)}
          </div>
        ))}
      </nav>
      <Loaded of={rule} skeleton={<Skeleton />}>
        {(data) => (
          <div class="rules-page">
            <h1>{data.name}</h1>
            <p><Badge>{familyTitle(data.family)}</Badge> <span class="muted">{data.title}</span></p>
            <Page text={data.page} />
          </div>
        )}
      </Loaded>
    </div>
  );
}

/** The server's own text, in which HTML is shown as it is written. */
function Page({ text }: { text: string }) {
  const html = useMemo(() => docPage(text.replace(/^# .*\n+/, '')).html, [text]);
  return <article class="doc" dangerouslySetInnerHTML={{ __html: html }} />;
}
