import type { Stage, Task } from '../../api/stages';
import { sparkTime } from '../../api/spark';
import { Badge, Status } from '../../components/badge';
import { Meter } from '../../components/bar';
import { Duration, Num } from '../../components/number';
import type { Column } from '../../components/table';
import { essence } from './errors';
import { Logs } from './executors';
import { exact, type Measure, MEASURES, measured, show } from './measures';
import { Moment } from './moment';

interface Given {
  stage: Stage;
  /** The longest duration of a successful task. */
  slowest: number | undefined;
  /** Of the application. */
  start: number | undefined;
  urlOf: (task: string) => string;
  onExecutor: (id: string) => void;
  choose: (task: string) => void;
}

/** What is worth a column depends on what the stage did; the rest can be chosen. */
export function taskColumns({ stage, slowest, start, urlOf, onExecutor, choose }: Given): Column<Task>[] {
  const failed = stage.numFailedTasks + stage.numKilledTasks > 0;
  const shown = shownOf(stage);
  const open = (t: Task) => (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    choose(String(t.taskId));
  };
  const number = (of: Measure): Column<Task> => ({
    id: of.id,
    title: of.title,
    ...(of.help && { help: of.help }),
    width: of.title.length > 14 ? 150 : 112,
    right: true,
    down: true,
    sort: true,
    spare: !shown.has(of.id),
    cell: (t) => <Value of={of} task={t} />,
  });
  return [
    { id: 'index', title: 'Index', width: 92, pin: true, sort: true, cell: (t) => <><a href={urlOf(String(t.taskId))} onClick={open(t)} title={`Task id ${t.taskId}`}>{t.index}</a>{t.attempt > 0 && <span class="muted" title={`Attempt ${t.attempt} of this task`}>.{t.attempt}</span>}{t.speculative && <Badge tone="run" title="A speculative copy of a slow task">spec</Badge>}</> },
    { id: 'status', title: 'Status', width: 104, sort: true, cell: (t) => <Status of={t.status} quiet /> },
    { id: 'duration', title: 'Duration', width: 146, down: true, sort: true, cell: (t) => <Meter share={(t.duration ?? 0) / Math.max(1, slowest ?? t.duration ?? 1)} tone="--c3"><Duration v={t.duration ?? 0} /></Meter> },
    { id: 'executorId', title: 'Executor', width: 88, sort: true, cell: (t) => <button type="button" class="plain-link" title={`Only tasks of executor ${t.executorId}`} onClick={() => onExecutor(t.executorId)}>{t.executorId}</button> },
    { id: 'host', title: 'Host', width: 120, grow: 0.4, sort: true, cell: (t) => <span class="clip" title={t.host}>{t.host}</span> },
    { id: 'launchTime', title: 'Launched', width: 116, sort: true, cell: (t) => <Moment v={sparkTime(t.launchTime)} start={start} fine /> },
    { id: 'error', title: 'Error', width: 240, grow: 2, spare: !failed, cell: (t) => (t.errorMessage ? <a class="clip failure-text" href={urlOf(String(t.taskId))} onClick={open(t)} title="Show it in full">{essence(t.errorMessage)}</a> : <span class="muted">–</span>) },
    { id: 'locality', title: 'Locality', help: 'locality', width: 132, sort: true, cell: (t) => <span class="muted">{t.taskLocality}</span> },
    ...MEASURES.filter((m) => m.id !== 'duration').map(number),
    { id: 'taskId', title: 'Task id', width: 90, right: true, sort: true, spare: true, cell: (t) => t.taskId },
    { id: 'attempt', title: 'Attempt', width: 84, right: true, sort: true, spare: true, cell: (t) => t.attempt },
    { id: 'logs', title: 'Logs', width: 110, cell: (t) => <Logs of={t.executorLogs} /> },
  ];
}

/** Of the numbers: time lost, and the data the stage moved. */
function shownOf(stage: Stage): Set<string> {
  const data = ['inputSize', 'inputRecords', 'shuffleRead', 'shuffleReadRecords', 'shuffleWrite', 'outputSize', 'diskSpilled'];
  return new Set(['gcTime', 'schedulerDelay', ...data.filter((id) => (measured(id).ofStage?.(stage) ?? 0) > 0)]);
}

function Value({ of, task }: { of: Measure; task: Task }) {
  const value = of.ofTask(task);
  return <Num title={exact(of.unit, value)}>{value === 0 ? <span class="muted">{show(of.unit, 0)}</span> : show(of.unit, value)}</Num>;
}
