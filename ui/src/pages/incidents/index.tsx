import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { SEVERITIES } from '../../api/findings';
import { incidents, STATES } from '../../api/incidents';
import { usePagedList } from '../../api/pages';
import { useCrumbs } from '../../app/breadcrumbs';
import { kindOf } from '../../components/badge';
import { Button } from '../../components/button';
import { Search } from '../../components/search';
import { Empty, Note } from '../../components/state';
import { Table } from '../../components/table';
import { ViewTabs } from '../../components/tabs';
import { Toggles } from '../../components/toggles';
import { counted } from '../../core/format';
import { setQuery, useParam, useParams, usePlace } from '../../core/router';
import { columns } from './columns';
import { Deliveries } from './deliveries';
import { filterOf, NO_FILTER } from './filter';
import { Quiet } from './quiet';
import { Overview } from './remedy/overview';
import './incidents.css';

/** What was raised, what keeps some of it quiet, what could not be delivered, and how advice did. */
export default function IncidentsPage() {
  const [view] = useParam('view', 'incidents');
  useCrumbs(0, [{ text: 'Incidents' }]);
  return (
    <div class="page-fill incidents">
      <h1 class="hidden-visually">Incidents</h1>
      <ViewTabs
        label="Incidents"
        shown={view}
        views={[{ id: 'incidents', title: 'Incidents' }, { id: 'quiet', title: 'Mutes and silences' }, { id: 'deliveries', title: 'Not delivered' }, { id: 'remediation', title: 'Remediation' }]}
        drop={[...Object.keys(NO_FILTER), 'sort', 'cols']}
      />
      {OTHERS[view] ? <div class="incidents-scroll">{OTHERS[view]()}</div> : <List />}
    </div>
  );
}

/** The views that scroll as a page does. */
const OTHERS: Record<string, (() => ComponentChildren) | undefined> = {
  quiet: () => <Quiet />,
  deliveries: () => <Deliveries />,
  remediation: () => <Overview />,
};

function List() {
  const { query } = usePlace();
  const asked = query.toString();
  const filter = useMemo(() => filterOf(query), [asked]);
  const [q, setQ] = useParam('q');
  const [states, chooseStates] = useParams('state');
  const [severities, chooseSeverities] = useParams('severity');
  const list = usePagedList({
    page: (offset, length) => incidents(filter, offset, length),
    read: (answer) => ({ total: answer.total, rows: answer.incidents }),
    live: () => true,
  });
  const filtered = Object.keys(filter).length > 0;
  const option = (value: string) => ({ value, text: kindOf(value).word, status: true });
  return (
    <Table
      id="incidents"
      label="Incidents"
      columns={columns}
      rows={list}
      rowKey={(i) => String(i.id)}
      href={(i) => `/incidents/${i.id}`}
      fill
      bar={
        <>
          <Search label="Search incidents" placeholder="Summary, rule, application" value={q} onChange={setQ} wait={150} />
          <Toggles label="State" chosen={states} choose={chooseStates} options={STATES.map(option)} />
          <Toggles label="Severity" chosen={severities} choose={chooseSeverities} options={SEVERITIES.map(option)} />
          <span class="muted nowrap" aria-live="polite">{list.total === undefined ? '' : counted(list.total, 'incident')}</span>
        </>
      }
      below={list.error && list.total !== undefined && <Note title={`Not up to date: ${list.error.message}`}>{list.error.advice}</Note>}
      empty={
        filtered ? (
          <Empty title="No incident fits"><Button onClick={() => setQuery(NO_FILTER)}>Clear the filters</Button></Empty>
        ) : (
          <Empty title="No incident">An incident is opened when a finding is severe enough, when a rule of yours holds, or when an alert comes in from elsewhere. <a href="/docs/alerts">How to set this up</a></Empty>
        )
      }
    />
  );
}
