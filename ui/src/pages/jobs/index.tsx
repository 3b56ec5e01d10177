import { useMemo } from 'preact/hooks';
import { type ExecutorSpan, executorsTimeline } from '../../api/ours';
import { jobs, jobsTimeline, type JobsTimeline, type JobStatus } from '../../api/stages';
import { type Resource, useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { kindOf } from '../../components/badge';
import { Button } from '../../components/button';
import { Help } from '../../components/help';
import { Icon } from '../../components/icon';
import { Search } from '../../components/search';
import { Empty, Failed, Loaded, Note, Skeleton } from '../../components/state';
import { Table } from '../../components/table';
import { Toggles } from '../../components/toggles';
import { count } from '../../core/format';
import { usePref } from '../../core/prefs';
import { setQuery, useParam, useParams } from '../../core/router';
import { useSpan } from '../stages/span';
import { jobColumns, jobUrl } from './columns';
import { JobsOverTime } from './jobs-timeline';
import { byStatus, fitsJob, rowsOf } from './rows';
import './jobs.css';

const ORDER: readonly JobStatus[] = ['RUNNING', 'FAILED', 'SUCCEEDED', 'UNKNOWN'];

const NONE: ExecutorSpan[] = [];

/** All jobs: over time, and as a list. */
export default function JobsPage() {
  const { app, live } = useApp();
  const list = useResource(jobs(app), { live });
  const timeline = useResource(jobsTimeline(app), { live });
  const [statuses, setStatuses] = useParams('status');
  const [q, setQ] = useParam('q');
  const span = useSpan();
  const all = useMemo(() => list.data && rowsOf(list.data, timeline.data), [list.data, timeline.data]);
  const unfinished = all?.some((j) => j.completionTime === undefined) ?? false;
  const columns = useMemo(() => jobColumns(app, all ?? [], span), [app, all, unfinished ? span : span.start]);
  const rows = useMemo(() => (all ?? []).filter((j) => fitsJob(j, { q, statuses })), [all, q, statuses.join(' ')]);
  const counts = useMemo(() => byStatus(all ?? []), [all]);

  if (!all) return list.error ? <Failed error={list.error} retry={list.reload} /> : <div class="page"><Skeleton lines={12} /></div>;
  if (all.length === 0) return <Empty title="No job was run">{live ? 'Jobs appear here as soon as an action starts one.' : 'The application ended without an action. The driver did all there was to do.'}</Empty>;
  return (
    <div class="jobs-page">
      {list.error && <Note title={`Not up to date: ${list.error.message}`}>{list.error.advice}</Note>}
      <OverTime timeline={timeline} />
      <div class="jobs-table">
        <Table
          id="jobs"
          label="Jobs"
          columns={columns}
          rows={rows}
          shows={`${q} ${statuses}`}
          rowKey={(j) => String(j.jobId)}
          href={(j) => jobUrl(app, j.jobId)}
          sort="-id"
          fill
          bar={
            <>
              <Search label="Search jobs" placeholder="Search description, group, tag, SQL id" value={q} onChange={setQ} wait={120} />
              <Toggles label="Status" chosen={statuses} choose={setStatuses} options={ORDER.filter((s) => (counts[s] ?? 0) > 0 || statuses.includes(s)).map((value) => ({ value, text: kindOf(value).word, count: counts[value] ?? 0, status: true }))} />
              <span class="muted" role="status">{rows.length < all.length ? `${count(rows.length)} of ${count(all.length)}` : ''}</span>
            </>
          }
          empty={<Empty title="No job fits">{count(all.length)} jobs are hidden by the filters. <Button onClick={() => setQuery({ q: undefined, status: undefined })}>Show all</Button></Empty>}
        />
      </div>
    </div>
  );
}

function OverTime({ timeline }: { timeline: Resource<JobsTimeline> }) {
  const { app, overview, live } = useApp();
  const span = useSpan();
  const [open, setOpen] = usePref('jobs.timeline', true);
  const executors = useResource(open ? executorsTimeline(app, 2) : undefined, { live });
  return (
    <section class={`jobs-time${open ? ' open' : ''}`}>
      <header>
        <button type="button" class="disclose" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? 'down' : 'right'} />
          <h2>Jobs over time</h2>
        </button>
        <Help of="jobsTimeline" />
      </header>
      {open && (
        <Loaded of={timeline} skeleton={<div class="jobs-waiting"><Skeleton height={150} /></div>}>
          {(data) => {
            const start = overview.data?.startTime ?? Math.min(...data.jobs.map((j) => j.submitTime ?? Infinity));
            const end = span.end ?? Math.max(...data.jobs.map((j) => j.endTime ?? j.submitTime ?? 0));
            return <JobsOverTime app={app} timeline={data} executors={executors.data?.executors ?? NONE} start={start} until={end} most={Math.max(150, Math.round(innerHeight * 0.24))} />;
          }}
        </Loaded>
      )}
    </section>
  );
}
