import { sparkTime } from '../../api/spark';
import { Status } from '../../components/badge';
import { Link } from '../../components/link';
import { Progress } from '../../components/progress';
import type { Column } from '../../components/table';
import { type AppRef, appUrl } from '../../core/address';
import { Length } from '../stages/columns';
import { jobLength } from '../stages/lengths';
import { Moment, momentWidth } from '../stages/moment';
import type { Span } from '../stages/span';
import type { JobRow } from './rows';

export const jobUrl = (app: AppRef, id: number): string => appUrl(app, `jobs/${id}`);

export function jobColumns(app: AppRef, jobs: readonly JobRow[], span: Span): Column<JobRow>[] {
  const until = span.end;
  const longest = Math.max(1, ...jobs.map((j) => jobLength(j, until) ?? 0));
  const has = (of: (j: JobRow) => unknown) => jobs.some((j) => Boolean(of(j)));
  return [
    { id: 'id', title: 'Job', width: 76, pin: true, down: true, sort: (j) => j.jobId, cell: (j) => <Link to={jobUrl(app, j.jobId)}>{j.jobId}</Link> },
    { id: 'status', title: 'Status', width: 116, sort: (j) => j.status, cell: (j) => <Status of={j.status} quiet /> },
    { id: 'name', title: 'Description', width: 220, grow: 3, sort: (j) => j.description ?? j.name, cell: (j) => <Link to={jobUrl(app, j.jobId)} class="clip" title={j.description === undefined ? j.name : `${j.description}\n${j.name}`}>{j.description ?? j.name}</Link> },
    { id: 'sql', title: 'SQL', width: 70, right: true, spare: !has((j) => j.sql !== undefined), sort: (j) => j.sql, cell: (j) => (j.sql === undefined ? <span class="muted">–</span> : <Link to={appUrl(app, `sql/${j.sql}`)}>{j.sql}</Link>) },
    { id: 'submitted', title: 'Submitted', width: momentWidth(span.start, span.end), down: true, sort: (j) => sparkTime(j.submissionTime), cell: (j) => <Moment v={sparkTime(j.submissionTime)} start={span.start} /> },
    { id: 'duration', title: 'Duration', width: 150, down: true, sort: (j) => jobLength(j, until), cell: (j) => <Length of={jobLength(j, until)} longest={longest} /> },
    { id: 'stages', title: 'Stages', width: 196, grow: 0.3, down: true, sort: (j) => j.stageIds.length, cell: (j) => <Progress done={j.numCompletedStages} total={j.stageIds.length - j.numSkippedStages} failed={j.numFailedStages} running={j.numActiveStages} skipped={j.numSkippedStages} unit="stages" /> },
    { id: 'tasks', title: 'Tasks', width: 190, grow: 0.3, down: true, sort: (j) => j.numTasks, cell: (j) => <Progress done={j.numCompletedIndices} total={j.numTasks - j.numSkippedTasks} failed={j.numFailedTasks} killed={j.numKilledTasks} running={j.numActiveTasks} unit="tasks" /> },
    { id: 'group', title: 'Group', width: 130, spare: !has((j) => j.jobGroup), sort: (j) => j.jobGroup, cell: (j) => <span class="clip" title={j.jobGroup}>{j.jobGroup ?? '–'}</span> },
    { id: 'tags', title: 'Tags', width: 130, spare: true, sort: (j) => j.jobTags.join(', '), cell: (j) => <span class="clip" title={j.jobTags.join(', ')}>{j.jobTags.join(', ') || '–'}</span> },
  ];
}
