import { useMemo } from 'preact/hooks';
import { type SqlRow, sqlExecutions, type SqlStatus } from '../../api/ours';
import { usePagedList } from '../../api/pages';
import { useApp } from '../../app/app-context';
import { kindOf, Status } from '../../components/badge';
import { Button } from '../../components/button';
import { Link } from '../../components/link';
import { Count, Duration } from '../../components/number';
import { Search } from '../../components/search';
import { Empty, Note } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { Toggles } from '../../components/toggles';
import { type AppRef, appUrl } from '../../core/address';
import { count, counted } from '../../core/format';
import { setQuery, useParam, useParams, usePlace } from '../../core/router';
import { Moment, momentWidth } from '../stages/moment';
import { type Span, useSpan } from '../stages/span';
import './sql.css';

const FIRST_SORT = '-submitTime';
const STATUSES: SqlStatus[] = ['RUNNING', 'FAILED', 'COMPLETED'];

/** SQL executions of the application. */
export default function SqlPage() {
  const { app, live, overview } = useApp();
  const { query } = usePlace();
  const [q, setQ] = useParam('q');
  const [statuses, setStatuses] = useParams('status');
  const span = useSpan();
  const sort = query.get('sort') ?? FIRST_SORT;
  const list = usePagedList({
    page: (offset, length) => sqlExecutions(app, { q, status: statuses }, sort, offset, length),
    read: (answer) => ({ total: answer.total, rows: answer.sql }),
    live: () => live,
  });
  const counts = overview.data?.counts;
  const failed = counts?.failedSql;
  const shown = useMemo(() => columns(app, span, failed !== 0), [appUrl(app), span.start, span.end, failed]);
  const some = q !== '' || statuses.length > 0;

  return (
    <div class="page-fill sql-list">
      <h2 class="hidden-visually">SQL executions</h2>
      <Table
        id="sql"
        label="SQL executions"
        columns={shown}
        rows={list}
        rowKey={(x) => String(x.id)}
        href={(x) => appUrl(app, `sql/${x.id}`)}
        sort={FIRST_SORT}
        fill
        empty={<Nothing filtered={some} />}
        bar={
          <>
            <Search label="Search SQL executions" placeholder="Description, id, error…" value={q} onChange={setQ} wait={150} />
            <Toggles label="Status" chosen={statuses} choose={setStatuses} options={STATUSES.filter((s) => isThere(s, live, failed) || statuses.includes(s)).map((value) => ({ value, text: kindOf(value).word, count: value === 'FAILED' ? failed : undefined, status: true }))} />
            <span class="muted nowrap" aria-live="polite">{list.total === undefined ? '' : some && counts ? `${count(list.total)} of ${count(counts.sql)}` : counted(list.total, 'execution')}</span>
          </>
        }
        below={list.error && list.total !== undefined && <Note title={`Not up to date: ${list.error.message}`}>{list.error.advice}</Note>}
      />
    </div>
  );
}

/** Whether there may be executions of a status: of an application that has ended none runs. */
function isThere(status: SqlStatus, live: boolean, failed: number | undefined): boolean {
  return status === 'RUNNING' ? live : status === 'FAILED' ? failed !== 0 : true;
}

const columns = (app: AppRef, { start, end }: Span, failures: boolean): Column<SqlRow>[] => [
  { id: 'id', title: 'Id', width: 66, right: true, sort: true, down: true, cell: (x) => <Link to={appUrl(app, `sql/${x.id}`)}>{x.id}</Link> },
  { id: 'status', title: 'Status', width: 118, sort: true, down: true, cell: (x) => <Status of={x.status} quiet /> },
  { id: 'description', title: 'Description', width: 280, grow: 4, sort: true, pin: true, cell: (x) => <Description app={app} of={x} /> },
  { id: 'submitTime', title: 'Submitted', width: momentWidth(start, end), sort: true, down: true, cell: (x) => <Moment v={x.submitTime} start={start} /> },
  { id: 'duration', title: 'Duration', width: 108, right: true, sort: true, down: true, cell: (x) => <Duration v={x.duration} /> },
  { id: 'jobs', title: 'Jobs', width: 160, grow: 1, sort: true, down: true, cell: (x) => <Jobs app={app} of={x} /> },
  { id: 'stages', title: 'Stages', width: 84, right: true, sort: true, down: true, cell: (x) => <Count v={x.stages} unit="stages" /> },
  { id: 'error', title: 'Error', width: 180, grow: 3, spare: !failures, cell: (x) => x.error && <span class="clip failure-text" title={x.error}>{x.error}</span> },
];

function Description({ app, of: { id, rootId, description } }: { app: AppRef; of: SqlRow }) {
  return (
    <>
      {rootId !== id && <Link class="sql-part" to={appUrl(app, `sql/${rootId}`)} title={`Started by execution ${rootId}`}>↳ of {rootId}</Link>}
      <Link class="clip" to={appUrl(app, `sql/${id}`)} title={description}>{description || `Execution ${id}`}</Link>
    </>
  );
}

const JOBS_SHOWN = 5;

function Jobs({ app, of: { jobs, failedJobs } }: { app: AppRef; of: SqlRow }) {
  if (jobs.length === 0) return <span class="muted" title="It ran without a job: a command, or rows that were there already">none</span>;
  return (
    <span class="clip sql-ids">
      {failedJobs > 0 && <span class="failure-text" title={`${failedJobs} of its jobs failed`}>{failedJobs} failed: </span>}
      {jobs.slice(0, JOBS_SHOWN).map((job) => <Link key={job} to={appUrl(app, `jobs/${job}`)}>{String(job)}</Link>)}
      {jobs.length > JOBS_SHOWN && <span class="muted">and {jobs.length - JOBS_SHOWN} more</span>}
    </span>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (!filtered) return <Empty title="No SQL execution">The application used no DataFrames and no SQL, or its log has none of their events.</Empty>;
  return (
    <Empty title="No SQL execution fits">
      Search looks in descriptions, ids and errors. <Button onClick={() => setQuery({ q: undefined, status: undefined })}>Clear the filters</Button>
    </Empty>
  );
}
