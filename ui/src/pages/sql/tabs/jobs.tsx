import type { SqlExecution, SqlStage } from '../../../api/ours';
import { Status } from '../../../components/badge';
import { Meter } from '../../../components/bar';
import { Link } from '../../../components/link';
import { Count, Duration, Percent } from '../../../components/number';
import { Section } from '../../../components/section';
import { Empty } from '../../../components/state';
import { type Column, Table } from '../../../components/table';
import { type AppRef, appUrl } from '../../../core/address';
import { isCodegen, type Plan } from '../plan/plan';

interface Props {
  app: AppRef;
  execution: SqlExecution;
  plan: Plan;
  onSelect: (id: number) => void;
}

/** What ran for the execution: stages, jobs, and executions it started itself. */
export function Jobs({ app, execution, plan, onSelect }: Props) {
  const { jobs, stages, subExecutions } = execution;
  const run = stages.reduce((sum, s) => sum + (s.runTime ?? 0), 0);
  return (
    <div class="sql-scroll">
      <div class="page">
        {subExecutions.length > 0 && (
          <Section title="Executions it started" flush>
            <Table id="sql-subs" prefix="e." label="Executions it started" columns={subColumns(app)} rows={subExecutions} rowKey={(x) => String(x.id)} href={(x) => appUrl(app, `sql/${x.id}`)} sort="id" most={280} />
          </Section>
        )}
        <Section title="Stages" flush>
          {stages.length === 0 ? <Empty title="It ran without a stage">A command, or rows that were there already.</Empty> : (
            <Table id="sql-stages" prefix="s." label="Stages of the execution" columns={stageColumns(app, plan, run, onSelect)} rows={stages} rowKey={(s) => `${s.stage}.${s.attempt}`} href={(s) => appUrl(app, `stages/${s.stage}/${s.attempt}`)} sort="stage" most={420} />
          )}
        </Section>
        {jobs.length > 0 && (
          <Section title="Jobs" flush>
            <Table id="sql-jobs" prefix="j." label="Jobs of the execution" columns={jobColumns(app)} rows={jobs} rowKey={(j) => String(j.id)} href={(j) => appUrl(app, `jobs/${j.id}`)} sort="id" most={320} />
          </Section>
        )}
        {execution.details && (
          <Section title="Called from">
            <pre class="panel-text" tabIndex={0} role="region" aria-label="Call site">{execution.details}</pre>
          </Section>
        )}
      </div>
    </div>
  );
}

const subColumns = (app: AppRef): Column<SqlExecution['subExecutions'][number]>[] => [
  { id: 'id', title: 'Id', width: 66, right: true, sort: (x) => x.id, cell: (x) => <Link to={appUrl(app, `sql/${x.id}`)}>{x.id}</Link> },
  { id: 'status', title: 'Status', width: 118, sort: (x) => x.status, cell: (x) => <Status of={x.status} quiet /> },
  { id: 'description', title: 'Description', width: 240, grow: 1, sort: (x) => x.description, cell: (x) => <Link class="clip" to={appUrl(app, `sql/${x.id}`)}>{x.description}</Link> },
  { id: 'duration', title: 'Duration', width: 110, right: true, down: true, sort: (x) => x.duration, cell: (x) => <Duration v={x.duration} /> },
];

const jobColumns = (app: AppRef): Column<SqlExecution['jobs'][number]>[] => [
  { id: 'id', title: 'Job', width: 80, sort: (j) => j.id, cell: (j) => <Link to={appUrl(app, `jobs/${j.id}`)}>Job {j.id}</Link> },
  { id: 'status', title: 'Status', width: 140, grow: 1, sort: (j) => j.status, cell: (j) => <Status of={j.status} quiet /> },
];

const SHOWN = 4;

function stageColumns(app: AppRef, plan: Plan, run: number, onSelect: (id: number) => void): Column<SqlStage>[] {
  const operators = (s: SqlStage) => plan.operators.filter((node) => !isCodegen(node) && node.stages?.includes(s.stage));
  return [
    { id: 'stage', title: 'Stage', width: 96, pin: true, sort: (s) => s.stage * 1000 + s.attempt, cell: (s) => <Link to={appUrl(app, `stages/${s.stage}/${s.attempt}`)}>{s.stage}{s.attempt > 0 ? `, attempt ${s.attempt}` : ''}</Link> },
    { id: 'status', title: 'Status', width: 118, sort: (s) => s.status, cell: (s) => <Status of={s.status} quiet /> },
    { id: 'duration', title: 'Duration', width: 100, right: true, down: true, sort: (s) => s.duration, cell: (s) => s.status !== 'SKIPPED' && <Duration v={s.duration} /> },
    { id: 'tasks', title: 'Tasks', width: 86, right: true, down: true, sort: (s) => s.tasks, cell: (s) => <Count v={s.tasks} unit="tasks" /> },
    { id: 'run', title: 'Run time', help: 'executorTime', width: 110, right: true, down: true, sort: (s) => s.runTime, cell: (s) => s.status !== 'SKIPPED' && <Duration v={s.runTime} /> },
    { id: 'share', title: 'Share', width: 150, down: true, sort: (s) => s.runTime, cell: (s) => s.status !== 'SKIPPED' && run > 0 && <Meter share={(s.runTime ?? 0) / run}><Percent v={(s.runTime ?? 0) / run} /></Meter> },
    {
      id: 'operators', title: 'Operators', width: 260, grow: 4,
      cell: (s) => {
        const all = operators(s);
        return (
          <span class="clip sql-ids">
            {all.slice(0, SHOWN).map((node) => <button key={node.id} type="button" class="plain-link" onClick={() => onSelect(node.id)}>{node.name}</button>)}
            {all.length > SHOWN && <span class="muted">and {all.length - SHOWN} more</span>}
          </span>
        );
      },
    },
  ];
}
