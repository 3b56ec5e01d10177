import type { Finding } from '../../api/findings';
import { useApp } from '../../app/app-context';
import { Link } from '../link';
import { Section } from '../section';
import { appUrl } from '../../core/address';
import { count } from '../../core/format';
import { keyOf } from './advice';
import { FindingCard } from './finding';

/** On the page of a part of an application: what was found about it. Nothing where nothing was. */
export function FindingsHere({ about, place = false }: { about: (finding: Finding) => boolean; place?: boolean }) {
  const { app } = useApp();
  const found = useFindingsHere(about);
  if (found.length === 0) return null;
  return (
    <Section title={found.length === 1 ? 'Finding' : `Findings (${count(found.length)})`} help="findings" actions={<Link to={appUrl(app, 'findings')}>All findings</Link>} flush>
      {found.map((of) => <FindingCard key={keyOf(of)} app={app} of={of} place={place} />)}
    </Section>
  );
}

export function useFindingsHere(about: (finding: Finding) => boolean): Finding[] {
  return useApp().findings.data?.filter(about) ?? [];
}
