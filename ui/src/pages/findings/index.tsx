import { useState } from 'preact/hooks';
import type { Finding } from '../../api/findings';
import { useApp } from '../../app/app-context';
import { Button } from '../../components/button';
import { bySeverity, keyOf } from '../../components/finding/advice';
import { CopyConfs } from '../../components/finding/copy-confs';
import { FindingCard } from '../../components/finding/finding';
import { NotKnownList } from '../../components/finding/not-known';
import { NothingFound } from '../../components/finding/nothing';
import { kindOf } from '../../components/badge';
import { Section } from '../../components/section';
import { Empty, Loaded, Skeleton } from '../../components/state';
import { Toggles } from '../../components/toggles';
import { counted } from '../../core/format';
import { setQuery, useParams } from '../../core/router';

/** Cards drawn at first. */
const SHOWN = 50;

/** Everything that was found about an application, and what could not be judged. */
export default function FindingsPage() {
  const { app, live, findings } = useApp();
  return (
    <div class="page">
      <Loaded of={findings} skeleton={<Section title="Findings"><Skeleton /></Section>}>
        {(all) => (
          <>
            {all.length === 0 ? <Section title="Findings" flush><NothingFound live={live} /><NotKnownList app={app} /></Section> : <All all={all} />}
          </>
        )}
      </Loaded>
    </div>
  );
}

function All({ all }: { all: Finding[] }) {
  const { app, live } = useApp();
  const [severities, chooseSeverities] = useParams('severity');
  const [rules, chooseRules] = useParams('rule');
  const [more, setMore] = useState(false);
  const ofSeverity = all.filter((f) => severities.length === 0 || severities.includes(f.severity));
  const shown = ofSeverity.filter((f) => rules.length === 0 || rules.includes(f.rule));
  const names = [...new Set([...all.map((f) => f.rule), ...rules])];
  return (
    <>
      <div class="toolbar">
        <Toggles label="Severity" chosen={severities} choose={chooseSeverities} options={bySeverity(all).map(([severity, n]) => ({ value: severity, text: kindOf(severity).word, count: n, status: true }))} />
        {names.length > 1 && <Toggles label="Rule" chosen={rules} choose={chooseRules} options={names.map((name) => ({ value: name, text: name, count: ofSeverity.filter((f) => f.rule === name).length }))} />}
      </div>
      <Section title={counted(shown.length, 'finding')} help="findings" flush actions={<CopyConfs of={shown} />}>
        {shown.length === 0 && <Empty title="No finding fits"><Button onClick={() => setQuery({ severity: undefined, rule: undefined })}>Show all</Button></Empty>}
        {shown.slice(0, more ? undefined : SHOWN).map((of) => <FindingCard key={keyOf(of)} app={app} of={of} />)}
        {!more && shown.length > SHOWN && <p class="found-more"><Button onClick={() => setMore(true)}>Show {counted(shown.length - SHOWN, 'more', 'more')}</Button></p>}
        {live && <p class="found-more muted">The application still runs: these are of what it has done so far.</p>}
        <NotKnownList app={app} />
      </Section>
    </>
  );
}
