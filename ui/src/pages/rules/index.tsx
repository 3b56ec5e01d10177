import { rules } from '../../api/findings';
import { useResource } from '../../api/resource';
import { useCrumbs } from '../../app/breadcrumbs';
import { Link } from '../../components/link';
import { Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { PlainTable } from '../../components/plain-table';
import { Search } from '../../components/search';
import { counted } from '../../core/format';
import { useParam } from '../../core/router';
import { byFamily, familyTitle } from './families';
import './rules.css';

/** The catalogue: everything that Afterglow looks for in applications. */
export default function RulesPage() {
  const all = useResource(rules());
  const [q, setQ] = useParam('q');
  useCrumbs(0, [{ text: 'Rules' }]);
  return (
    <div class="page">
      <div class="toolbar">
        <h1>Rules</h1>
        <Search label="Search rules" value={q} onChange={setQ} />
        <span class="muted" aria-live="polite">{all.data && counted(all.data.filter((r) => fits(r, q)).length, 'rule')}</span>
      </div>
      <p class="muted rules-about">Every application is judged by these rules, while it runs and when it has ended. Each has a page: what it sees, from when on it speaks, and what to do.</p>
      <Loaded of={all}>
        {(data) => {
          const families = byFamily(data.filter((r) => fits(r, q)));
          return families.length === 0 ? <Empty title="No rule fits">Names and titles of rules are searched.</Empty> : (
            <>
              {families.map(([family, of]) => (
                <Section key={family} title={familyTitle(family)} flush>
                  <PlainTable
                    label={`Rules about ${familyTitle(family).toLowerCase()}`}
                    rows={of}
                    rowKey={(r) => r.name}
                    columns={[
                      { title: 'Rule', cell: (r) => <Link to={`/rules/${encodeURIComponent(r.name)}`}>{r.name}</Link> },
                      { title: 'What it looks for', wide: true, cell: (r) => <span title={r.title}>{r.title}</span> },
                    ]}
                  />
                </Section>
              ))}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

function fits(rule: { name: string; family: string; title: string }, q: string): boolean {
  const text = `${rule.name} ${rule.family} ${rule.title}`.toLowerCase();
  return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
