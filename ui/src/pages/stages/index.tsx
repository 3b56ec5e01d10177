import { useMemo } from 'preact/hooks';
import { usePagedList } from '../../api/pages';
import { useResource } from '../../api/resource';
import { stageList, type StageStatus } from '../../api/stages';
import { useApp } from '../../app/app-context';
import { kindOf } from '../../components/badge';
import { Button } from '../../components/button';
import { Search } from '../../components/search';
import { Empty, Failed, Note, Skeleton } from '../../components/state';
import { Table } from '../../components/table';
import { Toggles } from '../../components/toggles';
import { count } from '../../core/format';
import { setQuery, useParam, useParams, usePlace } from '../../core/router';
import { listColumns, rowUrl } from './list-columns';
import { useSpan } from './span';
import './stages.css';

const ORDER: readonly StageStatus[] = ['ACTIVE', 'PENDING', 'FAILED', 'COMPLETE', 'SKIPPED'];
const FIRST_SORT = '-id';

/** All stage attempts of the application, a page at a time. */
export default function StagesPage() {
  const { app, live } = useApp();
  const { start, end } = useSpan();
  const { query } = usePlace();
  const [statuses, setStatuses] = useParams('status');
  const [q, setQ] = useParam('q');
  const [pool, setPool] = useParam('pool');
  const sort = query.get('sort') ?? FIRST_SORT;
  const filter = { q: q.trim(), pool: pool === '' ? undefined : [pool] };
  const list = usePagedList({
    page: (offset, length) => stageList(app, { ...filter, status: statuses }, sort, offset, length),
    read: (answer) => ({ total: answer.filtered, rows: answer.stages }),
    live: () => live,
  });
  // What the filters of status are counted by, and which columns have anything in them: no row of it.
  const found = useResource(stageList(app, filter, FIRST_SORT, 0, 0), { live, keep: true });
  const most = found.data?.most;
  const columns = useMemo(() => most && listColumns(app, most, start, end), [app, JSON.stringify(most), start, end]);

  if (!found.data || !columns) return found.error ? <Failed error={found.error} retry={found.reload} /> : <div class="page"><Skeleton lines={12} /></div>;
  const { total, statuses: counts } = found.data;
  if (total === 0) return <Empty title="No stage was submitted">{live ? 'Stages appear here as soon as a job begins.' : 'The application ended without running a job.'}</Empty>;
  const stale = list.total === undefined ? undefined : (list.error ?? found.error);
  return (
    <div class="stages-page">
      {stale && <Note title={`Not up to date: ${stale.message}`}>{stale.advice}</Note>}
      <div class="stages-table">
        <Table
          id="stages"
          label="Stages"
          columns={columns}
          rows={list}
          rowKey={(s) => `${s.stage}.${s.attempt}`}
          href={(s) => rowUrl(app, s)}
          rowClass={(s) => (s.status === 'SKIPPED' ? 'skipped' : undefined)}
          sort={FIRST_SORT}
          fill
          bar={
            <>
              <Search label="Search stages" placeholder="Search name, description, failure" value={q} onChange={setQ} wait={150} />
              <Toggles label="Status" chosen={statuses} choose={setStatuses} options={ORDER.filter((s) => (counts[s] ?? 0) > 0 || statuses.includes(s)).map((value) => ({ value, text: kindOf(value).word, count: counts[value] ?? 0, status: true }))} />
              {pool !== '' && <Button icon="close" label={`Stages of all pools, not only ${pool}`} onClick={() => setPool(undefined)}>Pool {pool}</Button>}
              <span class="muted" role="status">{list.total !== undefined && list.total < total ? `${count(list.total)} of ${count(total)}` : ''}</span>
            </>
          }
          empty={<Empty title="No stage fits">{count(total)} stages are hidden by the filters. <Button onClick={() => setQuery({ q: undefined, status: undefined, pool: undefined })}>Show all</Button></Empty>}
        />
      </div>
    </div>
  );
}
