import type { ComponentChildren } from 'preact';
import { records, type Remediation, remediation, type RuleRecord, sought, type Turned as TurnedCounts } from '../../../api/remediation';
import { useResource } from '../../../api/resource';
import { Badge, type Tone } from '../../../components/badge';
import { Meter } from '../../../components/bar';
import { Link } from '../../../components/link';
import { Count, Duration, Percent, Time } from '../../../components/number';
import { PlainTable } from '../../../components/plain-table';
import { Fact, Facts, Section } from '../../../components/section';
import { Empty, Loaded, Note } from '../../../components/state';
import { clock, count, counted } from '../../../core/format';
import { Money } from './money';
import { STANDING } from './standing';
import { Counts, Turned } from './turned';
import './remedy.css';

/** Remediation over all incidents: what asking cost today, what it gave, and what there is to go by. */
export function Overview() {
  const state = useResource(remediation(), { live: true });
  return (
    <div class="page">
      <Loaded of={state}>
        {(data) => (
          <>
            <Model of={data} />
            <Newest />
            <Records />
            <Knowledge of={data} />
            <Actions of={data.actions} />
          </>
        )}
      </Loaded>
    </div>
  );
}

const BREAKER: Record<string, { tone: Tone; word: string }> = {
  closed: { tone: 'ok', word: 'is asked' },
  open: { tone: 'fail', word: 'left alone' },
  'half-open': { tone: 'warn', word: 'next request tries' },
};

function Model({ of }: { of: Remediation }) {
  if (!of.enabled) {
    return <Note tone="info" title="No model is asked">The advice of rules needs none. A model of Amazon Bedrock is asked once enabled = true stands in [remediation]: <a href="/docs/remediation#a-models-advice">how to turn it on</a>, and see first what would be sent.</Note>;
  }
  const breaker = of.breaker && BREAKER[of.breaker.state];
  const outcomes = Object.entries(of.calls_today.by_outcome);
  return (
    <Section title="Model and budgets of today" help="budgets" flush>
      <div class="remedy-part">
        <Facts>
          <Fact name="Model">{of.model}</Fact>
          <Fact name="Asked about">{of.severities.join(', ')}</Fact>
          <Fact name="Bedrock" help="breaker">
            {breaker ? <><Badge tone={breaker.tone}>{breaker.word}</Badge>{of.breaker?.state === 'open' && of.breaker.until !== null && <span class="fact-more">until {clock(of.breaker.until)}</span>}</> : <span title="Another process asks: this one does not know">not known here</span>}
          </Fact>
          <Fact name="Requests today"><Count v={of.calls_today.total} unit="requests" />{outcomes.length > 0 && <div class="fact-more">{outcomes.map(([outcome, n]) => `${count(n)} ${outcome}`).join(', ')}</div>}</Fact>
        </Facts>
      </div>
      <PlainTable
        label="Budgets"
        rows={budgets(of)}
        rowKey={(b) => b.what}
        columns={[
          { title: 'Budget', cell: (b) => b.what },
          { title: 'Spent today', right: true, cell: (b) => b.show(b.spent) },
          { title: 'Of a day', right: true, cell: (b) => (b.day === null ? <span class="muted">no bound</span> : b.show(b.day)) },
          { title: 'Share', cell: (b) => (b.day === null || b.spent === null || b.day === 0 ? '–' : <Meter share={b.spent / b.day} tone={b.spent >= b.day ? '--fail' : b.spent >= 0.8 * b.day ? '--warn' : '--accent'}><Percent v={b.spent / b.day} /></Meter>) },
          { title: 'Of an incident', right: true, cell: (b) => (b.incident === null ? <span class="muted">no bound</span> : b.show(b.incident)) },
          { title: '', wide: true, cell: () => null },
        ]}
      />
    </Section>
  );
}

interface Budget {
  what: string;
  spent: number | null;
  day: number | null;
  incident: number | null;
  show: (v: number | null) => ComponentChildren;
}

function budgets({ spent_today: spent, budget_of_day: day, budget_of_incident: incident }: Remediation): Budget[] {
  const of = (what: string, name: 'tokens' | 'money' | 'ms', show: Budget['show']): Budget => ({ what, spent: spent[name], day: day[name], incident: incident[name], show });
  return [
    of('Tokens', 'tokens', (v) => <Count v={v} unit="tokens" />),
    of('Money', 'money', (v) => <Money v={v} />),
    of('Time of requests', 'ms', (v) => <Duration v={v} />),
  ];
}

function Newest() {
  const all = useResource(sought(), { live: true });
  return (
    <Section title="Newest advice" help="standing" flush>
      <Loaded of={all}>
        {(data) => data.length === 0 ? <Empty title="None yet">Once a model is asked about an incident, it is here, with what came of it.</Empty> : (
          <PlainTable
            label="Newest advice"
            rows={data}
            rowKey={(s) => s.incident}
            columns={[
              { title: 'When', cell: (s) => <Time v={s.at} /> },
              { title: 'State', cell: (s) => <Badge tone={STANDING[s.state].tone} title={s.why ?? STANDING[s.state].title}>{STANDING[s.state].word}</Badge> },
              { title: 'Incident', wide: true, cell: (s) => <Link to={`/incidents/${s.incident}`} title={`${s.rule}: ${s.summary}`}>{s.rule} <span class="muted">{s.summary}</span></Link> },
              { title: 'Claims kept', right: true, help: 'claims', cell: (s) => (s.claims === null ? '–' : <span title={`${count(s.claims.dropped)} left out`}>{count(s.claims.kept)} of {count(s.claims.kept + s.claims.dropped)}</span>) },
              { title: 'Tokens', right: true, cell: (s) => (s.reused_from === null ? <Count v={s.counted.tokens} unit="tokens" /> : <span class="muted" title="The answer for a case that was alike serves again">reused</span>) },
              { title: 'Money', right: true, cell: (s) => (s.reused_from === null ? <Money v={s.counted.money} /> : '') },
              { title: 'Next run', cell: (s) => (s.follow_up === null ? <span class="muted">not yet</span> : <Turned of={s.follow_up} />) },
              { title: 'People say', cell: (s) => (s.feedback === null ? <span class="muted">–</span> : <Turned of={s.feedback} />) },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}

/** A rule, or a setting below its rule. */
interface Line {
  rule: string;
  key: string | null;
  runs: TurnedCounts;
  people: TurnedCounts | null;
}

const linesOf = (all: RuleRecord[]): Line[] =>
  all.flatMap((r): Line[] => [{ rule: r.rule, key: null, runs: r.runs, people: r.people }, ...r.settings.map((s): Line => ({ rule: r.rule, key: s.key, runs: s.runs, people: null }))]);

function Records() {
  const all = useResource(records());
  return (
    <Section title="How advice turned out" help="followUp" flush>
      <Loaded of={all}>
        {(data) => data.length === 0 ? <Empty title="Not known yet">When a job with findings runs again, its runs are compared; people can say so on an incident’s page.</Empty> : (
          <PlainTable
            label="How advice turned out"
            rows={linesOf(data)}
            rowKey={(l) => `${l.rule} ${l.key ?? ''}`}
            columns={[
              { title: 'Rule, setting', cell: (l) => (l.key === null ? <Link to={`/rules/${encodeURIComponent(l.rule)}`}>{l.rule}</Link> : <code class="remedy-below">{l.key}</code>) },
              { title: 'In later runs', cell: (l) => <Counts of={l.runs} none="none that tells" /> },
              { title: 'Not tried', right: true, cell: (l) => (l.key === null ? <Count v={l.runs.not_tried} unit="runs" /> : '') },
              { title: 'Not known', right: true, cell: (l) => (l.key === null ? <Count v={l.runs.not_known} unit="runs" /> : '') },
              { title: 'People say', cell: (l) => l.people && <Counts of={l.people} none="nothing" /> },
              { title: '', wide: true, cell: () => null },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}

function Knowledge({ of }: { of: Remediation }) {
  const { knowledge, runbooks } = of;
  const folder = <Fact name="Runbooks are in">{runbooks === null ? <span title="remediation.runbooks is empty">no folder</span> : <code>{runbooks}</code>}</Fact>;
  return (
    <Section title="Knowledge base" help="knowledge">
      {knowledge?.error && <Note title={`The runbooks cannot be read: ${knowledge.error}`}>What was there stays in use.</Note>}
      <Facts>
        {folder}
        {knowledge && <Fact name="Runbooks"><Count v={knowledge.files} unit="files" /><span class="fact-more">{counted(knowledge.passages, 'passage')}</span></Fact>}
        {knowledge?.newest && <Fact name="Newest"><code>{knowledge.newest.name}</code><div class="fact-more"><Time v={knowledge.newest.at} /></div></Fact>}
        {knowledge && <Fact name="Pages of rules"><Count v={knowledge.rules} unit="pages" /></Fact>}
        {knowledge && <Fact name="Past outcomes"><Count v={knowledge.past_incidents} unit="outcomes" /></Fact>}
      </Facts>
      {!knowledge && <p class="muted remedy-more">{of.enabled ? 'What is in it only the process knows that asks.' : 'It is made once a model is asked.'}</p>}
    </Section>
  );
}

function Actions({ of }: { of: Remediation['actions'] }) {
  return (
    <Section title="Actions" help="actions" flush>
      {of.length === 0 ? <Empty title="No action is declared">What may be done about incidents stands in [[action]], and nothing else can be run. <a href="/docs/remediation#actions">How to declare one</a></Empty> : (
        <PlainTable
          label="Actions"
          rows={of}
          rowKey={(a) => a.name}
          columns={[
            { title: 'Action', cell: (a) => a.name },
            { title: 'Kind', cell: (a) => a.kind },
            { title: 'Target', wide: true, cell: (a) => <span title={a.target}>{a.target}</span> },
            { title: 'Rules', cell: (a) => a.rules.join(', ') },
            { title: 'Automatic for', cell: (a) => a.automatic.join(', ') || <span class="muted">none</span> },
            { title: 'Dry run', cell: (a) => (a.dry_run ? 'yes' : 'no') },
            { title: 'Within the hour', right: true, cell: (a) => <span class={a.within_hour >= a.per_hour ? 'failure-number' : undefined}>{count(a.within_hour)} of {count(a.per_hour)}</span> },
          ]}
        />
      )}
    </Section>
  );
}
