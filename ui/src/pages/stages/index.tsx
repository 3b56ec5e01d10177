import { useMemo } from 'preact/hooks';
import { stages, type StageStatus } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { kindOf } from '../../components/badge';
import { Button } from '../../components/button';
import { Search } from '../../components/search';
import { Empty, Failed, Note, Skeleton } from '../../components/state';
import { Table } from '../../components/table';
import { Toggles } from '../../components/toggles';
import { count } from '../../core/format';
import { setQuery, useParam, useParams } from '../../core/router';
import { stageColumns, stageUrl } from './columns';
import { byStatus, fitsStage } from './list';
import { useSpan } from './span';
import './stages.css';

const ORDER: readonly StageStatus[] = ['ACTIVE', 'PENDING', 'FAILED', 'COMPLETE', 'SKIPPED'];

/** All stage attempts of the application. */
export default function StagesPage() {
  const { app, live } = useApp();
  const list = useResource(stages(app), { live });
  const [statuses, setStatuses] = useParams('status');
  const [q, setQ] = useParam('q');
  const [pool, setPool] = useParam('pool');
  const span = useSpan();
  const all = list.data;
  const unfinished = all?.some((s) => s.status === 'ACTIVE') ?? false;
  const columns = useMemo(() => stageColumns(app, all ?? [], span), [app, all, unfinished ? span : span.start]);
  const rows = useMemo(() => (all ?? []).filter((s) => fitsStage(s, { q, statuses, pool })), [all, q, statuses.join(' '), pool]);
  const counts = useMemo(() => byStatus(all ?? []), [all]);

  if (!all) return list.error ? <Failed error={list.error} retry={list.reload} /> : <div class="page"><Skeleton lines={12} /></div>;
  if (all.length === 0) return <Empty title="No stage was submitted">{live ? 'Stages appear here as soon as a job begins.' : 'The application ended without running a job.'}</Empty>;
  return (
    <div class="stages-page">
      {list.error && <Note title={`Not up to date: ${list.error.message}`}>{list.error.advice}</Note>}
      <div class="stages-table">
        <Table
          id="stages"
          label="Stages"
          columns={columns}
          rows={rows}
          rowKey={(s) => `${s.stageId}.${s.attemptId}`}
          href={(s) => stageUrl(app, s)}
          rowClass={(s) => (s.status === 'SKIPPED' ? 'skipped' : undefined)}
          sort="-id"
          fill
          bar={
            <>
              <Search label="Search stages" placeholder="Search name, description, call site, failure" value={q} onChange={setQ} wait={120} />
              <Toggles label="Status" chosen={statuses} choose={setStatuses} options={ORDER.filter((s) => (counts[s] ?? 0) > 0 || statuses.includes(s)).map((value) => ({ value, text: kindOf(value).word, count: counts[value] ?? 0, status: true }))} />
              {pool !== '' && <Button icon="close" label={`Stages of all pools, not only ${pool}`} onClick={() => setPool(undefined)}>Pool {pool}</Button>}
              <span class="muted" role="status">{rows.length < all.length ? `${count(rows.length)} of ${count(all.length)}` : ''}</span>
            </>
          }
          empty={<Empty title="No stage fits">{count(all.length)} stages are hidden by the filters. <Button onClick={() => setQuery({ q: undefined, status: undefined, pool: undefined })}>Show all</Button></Empty>}
        />
      </div>
    </div>
  );
}

