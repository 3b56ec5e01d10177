import type { Stage } from '../../api/stages';
import { sparkTime } from '../../api/spark';
import { Status } from '../../components/badge';
import { Meter } from '../../components/bar';
import { Link } from '../../components/link';
import { Bytes, Count, Duration, Percent } from '../../components/number';
import { Progress } from '../../components/progress';
import type { Column } from '../../components/table';
import { type AppRef, appUrl } from '../../core/address';
import { essence } from './errors';
import { gcShare, stageLength } from './lengths';
import { Moment, momentWidth } from './moment';
import { SkewHint } from './skew-hint';
import type { Span } from './span';

export const stageUrl = (app: AppRef, s: Pick<Stage, 'stageId' | 'attemptId'>): string => appUrl(app, `stages/${s.stageId}/${s.attemptId}`);

/** Of the stages of a job, which come whole. Columns that are 0 in all of `stages` are not shown until chosen. */
export function stageColumns(app: AppRef, stages: readonly Stage[], span: Span): Column<Stage>[] {
  const until = span.end;
  const has = (of: (s: Stage) => number) => stages.some((s) => of(s) > 0);
  const longest = Math.max(1, ...stages.map((s) => stageLength(s, until) ?? 0));
  const size = (id: string, title: string, of: (s: Stage) => number, help?: 'spill'): Column<Stage> => ({
    id, title, width: title.length > 10 ? 116 : 96, right: true, down: true, sort: of, spare: !has(of), ...(help && { help }),
    cell: (s) => (of(s) === 0 ? <span class="muted">–</span> : <Bytes v={of(s)} />),
  });
  const number = (id: string, title: string, of: (s: Stage) => number, unit: string): Column<Stage> => ({
    id, title, width: 110, right: true, down: true, sort: of, spare: true, cell: (s) => <Count v={of(s)} unit={unit} />,
  });
  return [
    { id: 'id', title: 'Stage', width: 84, pin: true, down: true, sort: (s) => s.stageId + s.attemptId / 1000, cell: (s) => <Link to={stageUrl(app, s)}>{s.stageId}{s.attemptId > 0 && <span class="muted">.{s.attemptId}</span>}</Link> },
    { id: 'status', title: 'Status', width: 112, sort: (s) => s.status, cell: (s) => <Status of={s.status} quiet /> },
    { id: 'name', title: 'Name', width: 240, grow: 3, sort: (s) => s.description ?? s.name, cell: (s) => <Name app={app} stage={s} /> },
    { id: 'submitted', title: 'Submitted', width: momentWidth(span.start, span.end), down: true, sort: (s) => sparkTime(s.submissionTime), cell: (s) => <Moment v={sparkTime(s.submissionTime)} start={span.start} /> },
    { id: 'duration', title: 'Duration', width: 138, down: true, sort: (s) => stageLength(s, until), cell: (s) => <Length of={stageLength(s, until)} longest={longest} /> },
    { id: 'tasks', title: 'Tasks', width: 160, grow: 0.2, down: true, sort: (s) => s.numTasks, cell: (s) => (s.status === 'SKIPPED' ? <span class="muted"><Count v={s.numTasks} unit="tasks, none ran" /> skipped</span> : <Progress done={s.numCompleteTasks} total={s.numTasks} failed={s.numFailedTasks} killed={s.numKilledTasks} running={s.numActiveTasks} unit="tasks" />) },
    { id: 'skew', title: 'Skew', help: 'skew', width: 92, right: true, cell: (s) => <SkewHint app={app} stage={s} /> },
    size('input', 'Input', (s) => s.inputBytes),
    size('output', 'Output', (s) => s.outputBytes),
    size('shuffleRead', 'Shuffle read', (s) => s.shuffleReadBytes),
    size('shuffleWrite', 'Shuffle write', (s) => s.shuffleWriteBytes),
    size('spill', 'Spill', (s) => s.diskBytesSpilled, 'spill'),
    { id: 'gc', title: 'GC share', help: 'gcShare', width: 104, right: true, down: true, sort: gcShare, cell: (s) => <GcShare of={gcShare(s)} /> },
    { id: 'runTime', title: 'Run time', help: 'executorTime', width: 112, right: true, down: true, spare: true, sort: (s) => s.executorRunTime, cell: (s) => <Duration v={s.executorRunTime} /> },
    { id: 'failed', title: 'Failed tasks', width: 110, right: true, down: true, spare: !has((s) => s.numFailedTasks), sort: (s) => s.numFailedTasks, cell: (s) => <Count v={s.numFailedTasks} unit="failed task attempts" /> },
    number('killed', 'Killed tasks', (s) => s.numKilledTasks, 'killed task attempts'),
    number('inputRecords', 'Input records', (s) => s.inputRecords, 'records'),
    number('outputRecords', 'Output records', (s) => s.outputRecords, 'records'),
    number('shuffleReadRecords', 'Shuffle read records', (s) => s.shuffleReadRecords, 'records'),
    number('shuffleWriteRecords', 'Shuffle write records', (s) => s.shuffleWriteRecords, 'records'),
    { id: 'memorySpill', title: 'Spill (memory)', width: 124, right: true, down: true, spare: true, sort: (s) => s.memoryBytesSpilled, cell: (s) => <Bytes v={s.memoryBytesSpilled} /> },
    { id: 'pool', title: 'Pool', width: 110, spare: true, sort: (s) => s.schedulingPool, cell: (s) => <span class="clip">{s.schedulingPool}</span> },
  ];
}

function Name({ app, stage }: { app: AppRef; stage: Stage }) {
  const name = stage.description ?? stage.name;
  return (
    <span class="stage-cell">
      <Link to={stageUrl(app, stage)} class="clip" title={stage.description === undefined ? name : `${name}\n${stage.name}`}>{name}</Link>
      {stage.failureReason !== undefined && <span class="clip cell-failure" title={stage.failureReason.slice(0, 2000)}>{essence(stage.failureReason)}</span>}
    </span>
  );
}

export function Length({ of, longest }: { of: number | undefined; longest: number }) {
  if (of === undefined) return <span class="muted">–</span>;
  return <Meter share={of / longest} tone="--c3"><Duration v={of} /></Meter>;
}

export function GcShare({ of }: { of: number | undefined }) {
  if (of === undefined || of === 0) return <span class="muted">{of === 0 ? '0%' : '–'}</span>;
  return <span class={of >= 0.1 ? 'gc-much' : undefined}><Percent v={of} /></span>;
}
