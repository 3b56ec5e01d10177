import { useApp } from '../../app/app-context';
import { CopyConfs } from '../../components/finding/copy-confs';
import { bySeverity, grouped } from '../../components/finding/advice';
import { FindingCard } from '../../components/finding/finding';
import { NotKnownList } from '../../components/finding/not-known';
import { NothingFound } from '../../components/finding/nothing';
import { Status } from '../../components/badge';
import { Link } from '../../components/link';
import { Section } from '../../components/section';
import { Loaded, Skeleton } from '../../components/state';
import { appUrl } from '../../core/address';
import { count, counted } from '../../core/format';

/** Groups shown on the overview; the page of findings has all. */
const FIRST = 5;

/** What is wrong with this application, the severest first. */
export function FindingsSection() {
  const { app, live, findings } = useApp();
  const all = findings.data ?? [];
  const groups = grouped(all);
  return (
    <Section
      title="Findings"
      help="findings"
      flush
      actions={
        <>
          {bySeverity(all).map(([severity, n]) => <span key={severity} title={`${counted(n, severity)}`}><Status of={severity} quiet /> {count(n)}</span>)}
          <CopyConfs of={all} />
          {all.length > 0 && <Link to={appUrl(app, 'findings')}>All findings</Link>}
        </>
      }
    >
      <Loaded of={findings} skeleton={<div class="found-none"><Skeleton lines={4} /></div>}>
        {() => (
          <>
            {groups.length === 0 && <NothingFound live={live} />}
            {groups.slice(0, FIRST).map(({ first, others }) => <FindingCard key={`${first.rule} ${first.severity}`} app={app} of={first} others={others} />)}
            {groups.length > FIRST && <p class="found-more"><Link to={appUrl(app, 'findings')}>{counted(groups.length - FIRST, 'more kind')} of findings</Link></p>}
            {live && groups.length > 0 && <p class="found-more muted">The application still runs: these are of what it has done so far.</p>}
            <NotKnownList app={app} />
          </>
        )}
      </Loaded>
    </Section>
  );
}
