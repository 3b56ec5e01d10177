import type { ApplicationRow } from '../../api/ours';
import { SEVERITIES } from '../../api/findings';
import { Badge, kindOf, Mark, Status } from '../../components/badge';
import { Icon } from '../../components/icon';
import { Link } from '../../components/link';
import { Bytes, Count, Duration, Time } from '../../components/number';
import type { Column } from '../../components/table';
import { appUrl } from '../../core/address';

export const appOf = (row: ApplicationRow) => ({ cluster: row.cluster, id: row.id, attempt: row.attemptId });

const Nothing = () => <span class="muted">–</span>;

/** How many of each severity: `✕ 1 ! 3`. */
function FindingsCell({ app, of }: { app: ReturnType<typeof appOf>; of: ApplicationRow['findings'] }) {
  if (!of) return <span class="muted" title="Not judged yet"><Nothing /></span>;
  const some = SEVERITIES.filter((severity) => of[severity] > 0);
  if (some.length === 0) return <span class="muted" title="Nothing found">none</span>;
  const words = some.map((severity) => `${of[severity]} ${kindOf(severity).word.toLowerCase()}`).join(', ');
  return (
    <Link to={appUrl(app, 'findings')} class="apps-findings" title={words}>
      <span class="hidden-visually">{words}</span>
      {some.map((severity) => <span key={severity} aria-hidden="true" class={kindOf(severity).tone}><Mark tone={kindOf(severity).tone} /> {of[severity]}</span>)}
    </Link>
  );
}

/** Ids are the names by which the server sorts. */
export const columns: Column<ApplicationRow>[] = [
  { id: 'status', title: 'Status', width: 116, sort: true, cell: (a) => <Status of={a.status} quiet /> },
  {
    id: 'name',
    title: 'Application',
    width: 190,
    grow: 3,
    pin: true,
    sort: true,
    cell: (a) => (
      <>
        <Link to={appUrl(appOf(a))} class="clip app-link" title={`${a.name}\n${a.id}`}>
          {a.name || a.id}
        </Link>
        {a.attemptId !== undefined && <span class="muted nowrap">attempt {a.attemptId}</span>}
        {a.damaged && (
          <span class="apps-damaged" title="Parts of the log are missing or damaged">
            <Icon name="warning" />
            <span class="hidden-visually">incomplete log</span>
          </span>
        )}
      </>
    ),
  },
  { id: 'id', title: 'Id', width: 190, grow: 0.6, sort: true, spare: true, cell: (a) => <code class="muted clip" title={a.id}>{a.id}</code> },
  { id: 'cluster', title: 'Cluster', width: 84, grow: 0.4, sort: true, cell: (a) => <span class="clip">{a.cluster}</span> },
  { id: 'user', title: 'User', width: 80, grow: 0.3, sort: true, cell: (a) => <span class="clip">{a.user || <Nothing />}</span> },
  { id: 'startTime', title: 'Started', width: 150, sort: true, down: true, cell: (a) => <Time v={a.startTime} /> },
  { id: 'endTime', title: 'Ended', width: 158, sort: true, down: true, spare: true, cell: (a) => <Time v={a.endTime} /> },
  { id: 'duration', title: 'Duration', width: 96, right: true, sort: true, down: true, cell: (a) => <Duration v={a.duration} /> },
  { id: 'findings', title: 'Findings', help: 'findings', width: 108, sort: true, down: true, cell: (a) => <FindingsCell app={appOf(a)} of={a.findings} /> },
  { id: 'error', title: 'Error', width: 170, grow: 3, cell: (a) => a.error && <span class="clip failure-text" title={a.error}>{a.error}</span> },
  { id: 'executorTime', title: 'Executor time', help: 'executorTime', width: 128, right: true, sort: true, down: true, cell: (a) => <Duration v={a.executorTime} /> },
  { id: 'tasks', title: 'Tasks', width: 72, right: true, sort: true, down: true, cell: (a) => <Count v={a.tasks} unit="tasks" /> },
  { id: 'failedTasks', title: 'Failed tasks', width: 106, right: true, sort: true, down: true, cell: (a) => <span class={a.failedTasks > 0 ? 'failure-number' : 'muted'}><Count v={a.failedTasks} unit="failed tasks" /></span> },
  { id: 'queue', title: 'Queue', width: 110, grow: 0.3, sort: true, spare: true, cell: (a) => <span class="clip">{a.queue}</span> },
  { id: 'version', title: 'Spark', width: 74, sort: true, spare: true, cell: (a) => a.sparkVersion },
  { id: 'logSize', title: 'Log size', width: 92, right: true, sort: true, down: true, spare: true, cell: (a) => <Bytes v={a.logSize} /> },
  {
    id: 'labels',
    title: 'Labels',
    width: 150,
    grow: 0.6,
    spare: true,
    cell: (a) => Object.entries(a.labels).map(([name, value]) => <Badge key={name}>{name}={value}</Badge>),
  },
];
