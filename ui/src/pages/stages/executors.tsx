import { useMemo } from 'preact/hooks';
import type { ExecutorRow, Stage } from '../../api/stages';
import { useApp } from '../../app/app-context';
import { Badge } from '../../components/badge';
import { Meter } from '../../components/bar';
import { Link } from '../../components/link';
import { Bytes, Count, Duration, Percent } from '../../components/number';
import { Section } from '../../components/section';
import { Empty, Skeleton } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { appUrl } from '../../core/address';
import { usePlace, withQuery } from '../../core/router';

interface Row extends ExecutorRow {
  tasks: number;
  /** Of the task time of the stage. */
  share: number;
  /** Its time over that of the busiest. */
  part: number;
}

/** What each executor did for the stage. */
export function StageExecutors({ stage }: { stage: Stage }) {
  const { app } = useApp();
  const { path } = usePlace();
  const rows = useMemo(() => rowsOf(stage.executors ?? []), [stage.executors]);
  const columns = useMemo(() => columnsOf((id) => withQuery(path, new URLSearchParams(), { view: 'tasks', executor: id }), (id) => appUrl(app, 'executors', { executor: id }), rows), [path, app, rows]);
  return (
    <Section title={`Executors${rows.length > 0 ? ` (${rows.length})` : ''}`} flush class="titled-table">
      {stage.executors === undefined ? (
        <div class="section-body"><Skeleton lines={3} /></div>
      ) : rows.length === 0 ? (
        <Empty title="No executor has run a task of this stage" />
      ) : (
        <Table id="stage-executors" label="Executors of the stage" columns={columns} rows={rows} rowKey={(r) => r.id} prefix="e" sort="-taskTime" most={420} />
      )}
    </Section>
  );
}

function rowsOf(all: readonly ExecutorRow[]): Row[] {
  const total = all.reduce((sum, e) => sum + e.taskTime, 0);
  const most = Math.max(1, ...all.map((e) => e.taskTime));
  return all.map((e) => ({
    ...e,
    tasks: e.succeededTasks + e.failedTasks + e.killedTasks,
    share: total > 0 ? e.taskTime / total : 0,
    part: e.taskTime / most,
  }));
}

function columnsOf(tasksOf: (id: string) => string, executor: (id: string) => string, rows: Row[]): Column<Row>[] {
  const has = (of: (r: Row) => number) => rows.some((r) => of(r) > 0);
  const size = (id: string, title: string, of: (r: Row) => number): Column<Row> => ({
    id, title, width: 104, right: true, down: true, sort: of, spare: !has(of), cell: (r) => <Bytes v={of(r)} />,
  });
  return [
    { id: 'id', title: 'Executor', width: 96, sort: (r) => r.id, cell: (r) => <><Link to={executor(r.id)}>{r.id}</Link>{r.excluded && <Badge tone="warn" title="Spark gave it no more tasks of this stage after failures">excluded</Badge>}</> },
    { id: 'host', title: 'Host', width: 150, grow: 1, sort: (r) => r.host, cell: (r) => <span class="clip" title={r.hostPort}>{r.host ?? '–'}{r.removeTime !== undefined && <span class="muted" title="It was removed before the application ended"> removed</span>}</span> },
    { id: 'taskTime', title: 'Task time', help: 'taskTime', width: 190, down: true, sort: (r) => r.taskTime, cell: (r) => <Meter share={r.part} tone="--c3"><Duration v={r.taskTime} /><span class="muted"><Percent v={r.share} /></span></Meter> },
    { id: 'mean', title: 'Mean task', width: 96, right: true, down: true, sort: (r) => (r.tasks > 0 ? r.taskTime / r.tasks : undefined), cell: (r) => <Duration v={r.tasks > 0 ? Math.round(r.taskTime / r.tasks) : undefined} /> },
    { id: 'tasks', title: 'Tasks', width: 80, right: true, down: true, sort: (r) => r.tasks, cell: (r) => <a href={tasksOf(r.id)}><Count v={r.tasks} unit="task attempts that ended" /></a> },
    { id: 'failed', title: 'Failed', width: 80, right: true, down: true, sort: (r) => r.failedTasks, cell: (r) => <span class={r.failedTasks > 0 ? 'failure-number' : 'muted'}><Count v={r.failedTasks} unit="failed" /></span> },
    { id: 'killed', title: 'Killed', width: 80, right: true, down: true, sort: (r) => r.killedTasks, spare: !has((r) => r.killedTasks), cell: (r) => <Count v={r.killedTasks} unit="killed" /> },
    size('input', 'Input', (r) => r.inputBytes),
    size('output', 'Output', (r) => r.outputBytes),
    size('shuffleRead', 'Shuffle read', (r) => r.shuffleReadBytes),
    size('shuffleWrite', 'Shuffle write', (r) => r.shuffleWriteBytes),
    size('memorySpilled', 'Spill (memory)', (r) => r.memorySpilled),
    size('diskSpilled', 'Spill (disk)', (r) => r.diskSpilled),
    { id: 'logs', title: 'Logs', width: 110, cell: (r) => <Logs of={r.logs} /> },
  ];
}

export function Logs({ of }: { of: Record<string, string> }) {
  const all = Object.entries(of);
  if (all.length === 0) return <span class="muted">–</span>;
  return (
    <span class="executor-logs">
      {all.map(([name, url]) => <a key={name} href={url} target="_blank" rel="noreferrer">{name}</a>)}
    </span>
  );
}
