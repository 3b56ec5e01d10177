import type { SkewUnknown, StageNumbers, StageRow, StageRows } from '../../api/stages';
import { Status } from '../../components/badge';
import { Bytes, Count, Duration } from '../../components/number';
import { Link } from '../../components/link';
import { Progress } from '../../components/progress';
import type { Column } from '../../components/table';
import { type AppRef, appUrl } from '../../core/address';
import { duration } from '../../core/format';
import { GcShare, Length } from './columns';
import { essence } from './errors';
import { Moment, momentWidth } from './moment';
import { skew, times } from './skew';

export const rowUrl = (app: AppRef, s: StageRow): string => appUrl(app, `stages/${s.stage}/${s.attempt}`);

type Most = StageRows['most'];

/** Of the list of all stages, which the server sorts. Columns that are 0 everywhere are not shown until chosen. */
export function listColumns(app: AppRef, most: Most, start: number | undefined, end: number | undefined): Column<StageRow>[] {
  const base = { right: true, down: true, sort: true } as const;
  const size = (id: keyof StageNumbers, title: string, spare: boolean, help?: 'spill'): Column<StageRow> => ({
    id, title, width: title.length > 10 ? 116 : 96, ...base, spare, ...(help && { help }),
    cell: (s) => (s[id] === 0 ? <span class="muted">–</span> : <Bytes v={s[id]} />),
  });
  const number = (id: keyof StageNumbers, title: string, unit: string, spare = true): Column<StageRow> => ({
    id, title, width: 110, ...base, spare, cell: (s) => <Count v={s[id]} unit={unit} />,
  });
  return [
    { id: 'id', title: 'Stage', width: 84, pin: true, down: true, sort: true, cell: (s) => <Link to={rowUrl(app, s)}>{s.stage}{s.attempt > 0 && <span class="muted">.{s.attempt}</span>}</Link> },
    { id: 'status', title: 'Status', width: 112, down: true, sort: true, cell: (s) => <Status of={s.status} quiet /> },
    { id: 'name', title: 'Name', width: 240, grow: 3, sort: true, cell: (s) => <Name app={app} stage={s} /> },
    { id: 'submitTime', title: 'Submitted', width: momentWidth(start, end), down: true, sort: true, cell: (s) => <Moment v={s.submitTime} start={start} /> },
    { id: 'duration', title: 'Duration', width: 138, down: true, sort: true, cell: (s) => <Length of={s.duration} longest={Math.max(1, most.duration)} /> },
    { id: 'tasks', title: 'Tasks', width: 160, grow: 0.2, down: true, sort: true, cell: (s) => (s.status === 'SKIPPED' ? <span class="muted"><Count v={s.tasks} unit="tasks, none ran" /> skipped</span> : <Progress done={s.completedTasks} total={s.tasks} failed={s.failedTasks} killed={s.killedTasks} running={s.activeTasks} unit="tasks" />) },
    { id: 'skew', title: 'Skew', help: 'skew', width: 92, ...base, cell: (s) => <Skew of={s} /> },
    size('inputBytes', 'Input', most.inputBytes === 0),
    size('outputBytes', 'Output', most.outputBytes === 0),
    size('shuffleReadBytes', 'Shuffle read', most.shuffleReadBytes === 0),
    size('shuffleWriteBytes', 'Shuffle write', most.shuffleWriteBytes === 0),
    size('diskSpilled', 'Spill', most.diskSpilled === 0, 'spill'),
    { id: 'gcShare', title: 'GC share', help: 'gcShare', width: 104, ...base, cell: (s) => <GcShare of={gcShare(s)} /> },
    { id: 'runTime', title: 'Run time', help: 'executorTime', width: 112, ...base, spare: true, cell: (s) => <Duration v={s.runTime} /> },
    { id: 'cpuTime', title: 'CPU time', width: 112, ...base, spare: true, cell: (s) => <Duration v={s.cpuTime} /> },
    { id: 'gcTime', title: 'GC time', help: 'gc', width: 104, ...base, spare: true, cell: (s) => <Duration v={s.gcTime} /> },
    number('failedTasks', 'Failed tasks', 'failed task attempts', most.failedTasks === 0),
    number('killedTasks', 'Killed tasks', 'killed task attempts'),
    number('inputRecords', 'Input records', 'records'),
    number('outputRecords', 'Output records', 'records'),
    number('shuffleReadRecords', 'Shuffle read records', 'records'),
    number('shuffleWriteRecords', 'Shuffle write records', 'records'),
    { ...size('memorySpilled', 'Spill (memory)', true), width: 124 },
    { id: 'pool', title: 'Pool', width: 110, sort: true, spare: true, cell: (s) => <span class="clip">{s.pool}</span> },
  ];
}

/** As the server orders it: where run time says something. */
const gcShare = (s: StageRow): number | undefined => (s.runTime > 0 && s.gcTime <= s.runTime ? s.gcTime / s.runTime : undefined);

function Name({ app, stage }: { app: AppRef; stage: StageRow }) {
  const name = stage.description ?? stage.name;
  return (
    <span class="stage-cell">
      <Link to={rowUrl(app, stage)} class="clip" title={stage.description === undefined ? name : `${name}\n${stage.name}`}>{name}</Link>
      {stage.error !== undefined && <span class="clip cell-failure" title={stage.error.slice(0, 2000)}>{essence(stage.error)}</span>}
    </span>
  );
}

const UNKNOWN: Record<SkewUnknown, string> = {
  skipped: 'It was skipped: no task ran',
  notStarted: 'No task has started',
  noneSucceeded: 'No task has succeeded',
  oneTask: 'Only one task has succeeded',
  noTime: 'The median task took less than a millisecond',
};

function Skew({ of: { skew: ratio, skewUnknown, medianTask = 0, longestTask = 0 } }: { of: StageRow }) {
  if (ratio === null) return <span class="muted" title={skewUnknown && UNKNOWN[skewUnknown]}>–</span>;
  const { level } = skew(medianTask, longestTask, 'ms');
  const title = `The longest task took ${duration(longestTask)}, the median ${duration(medianTask)}`;
  return level === 'even' ? <span class="muted" title={title}>{times(ratio)}×</span> : <span class={`skew-ratio ${level}`} title={title}>▲ {times(ratio)}×</span>;
}
