import { useMemo } from 'preact/hooks';
import { streamingRuns } from '../../api/ours';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Status } from '../../components/badge';
import { Button } from '../../components/button';
import { Link } from '../../components/link';
import { Count, Time } from '../../components/number';
import { Search } from '../../components/search';
import { Empty, Loaded } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { type AppRef, appUrl } from '../../core/address';
import { useParam } from '../../core/router';
import { rootLine } from '../sql/root-line';
import { RANK, type RunRow, runRows, titleOf } from './runs';
import { BatchTrend, Rates } from './batch-trend';
import './streaming.css';

/** Runs of Structured Streaming queries. */
export default function StreamingPage() {
  const { app, live } = useApp();
  const runs = useResource(streamingRuns(app), { live });
  const [q, setQ] = useParam('q');
  const rows = useMemo(() => runs.data && runRows(runs.data), [runs.data]);
  const shown = useMemo(() => columns(app), [appUrl(app)]);
  return (
    <div class="page-fill streaming-list">
      <h2 class="hidden-visually">Streaming queries</h2>
      <Loaded of={runs} skeleton={<Table id="streaming" label="Streaming queries" columns={shown} rows={undefined} rowKey={() => ''} fill />}>
        {() => (
          <Table
            id="streaming"
            label="Streaming queries"
            columns={shown}
            rows={(rows ?? []).filter((r) => fits(r, q))}
            shows={q}
            bar={<Search label="Search queries" placeholder="Name, id, exception" value={q} onChange={setQ} />}
            rowKey={(r) => r.run.runId}
            href={(r) => appUrl(app, `streaming/${encodeURIComponent(r.run.runId)}`)}
            sort="state"
            fill
            rowHeight={44}
            empty={q ? <Empty title="No query fits"><Button onClick={() => setQ(undefined)}>Show all</Button></Empty> : <Empty title="No streaming query">No Structured Streaming query reported in this application. DStreams leave nothing in event logs.</Empty>}
          />
        )}
      </Loaded>
    </div>
  );
}

function fits({ run }: RunRow, q: string): boolean {
  const text = `${titleOf(run)} ${run.id} ${run.runId} ${run.exception ?? ''}`.toLowerCase();
  return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const columns = (app: AppRef): Column<RunRow>[] => [
  { id: 'state', title: 'State', width: 116, sort: (r) => RANK[r.state], cell: (r) => <Status of={r.state} quiet /> },
  {
    id: 'name', title: 'Query', width: 250, grow: 3, pin: true, sort: (r) => titleOf(r.run),
    cell: (r) => (
      <>
        <Link class="clip" to={appUrl(app, `streaming/${encodeURIComponent(r.run.runId)}`)}>{titleOf(r.run)}</Link>
        {r.of > 1 && <span class="run-nth" title={`Query ${r.run.id}: a restart from its checkpoint is a new run of it`}>run {r.nth} of {r.of}</span>}
      </>
    ),
  },
  { id: 'trend', title: 'Batch duration', help: 'batchDuration', width: 230, grow: 1, cell: (r) => <BatchTrend app={app} run={r.run} /> },
  { id: 'rates', title: 'Input, processed rate', help: 'processedRate', width: 220, grow: 0.5, cell: (r) => <Rates app={app} run={r.run} /> },
  { id: 'batch', title: 'Last batch', width: 104, right: true, down: true, sort: (r) => r.run.lastBatchId, cell: (r) => r.run.lastBatchId !== undefined && <Count v={r.run.lastBatchId} /> },
  { id: 'reports', title: 'Reports', width: 96, right: true, down: true, sort: (r) => r.run.progressReports, cell: (r) => <Count v={r.run.progressReports} unit="progress reports" /> },
  { id: 'idle', title: 'Idle reports', width: 112, right: true, down: true, spare: true, sort: (r) => r.run.idleReports, cell: (r) => <Count v={r.run.idleReports} unit="idle reports" /> },
  { id: 'start', title: 'Started', width: 158, down: true, sort: (r) => r.start, cell: (r) => <Time v={r.start} /> },
  { id: 'last', title: 'Last report', width: 158, down: true, sort: (r) => r.last, cell: (r) => <Time v={r.last} /> },
  { id: 'runId', title: 'Run id', width: 290, spare: true, cell: (r) => <code class="clip">{r.run.runId}</code> },
  { id: 'exception', title: 'Exception', width: 200, grow: 3, cell: (r) => r.run.exception && <span class="clip failure-text" title={r.run.exception}>{rootLine(r.run.exception)}</span> },
];
