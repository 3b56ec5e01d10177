import { type Stage, type StageRef, type Task, tasks } from '../../api/stages';
import { useResource } from '../../api/resource';
import { sparkTime } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { Badge, Status } from '../../components/badge';
import { StackedBar } from '../../components/bar';
import { Button } from '../../components/button';
import { Link } from '../../components/link';
import { Duration, Num } from '../../components/number';
import { Fact, Facts } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { usePlace, withQuery } from '../../core/router';
import { Failure } from './failure';
import { Logs } from './executors';
import { exact, MEASURES, quantile, show, type TaskSummary } from './measures';
import { Moment } from './moment';
import { phasesOf } from './phases';
import { times } from './skew';

interface Props {
  stage: Stage;
  stageRef: StageRef;
  id: string;
  /** Of the stage, to compare with. */
  summary: TaskSummary | undefined;
  close: () => void;
  executorUrl: (id: string) => string;
}

/** One task in full: its error first, then every number it reported. */
export function TaskDetail({ stage, stageRef, id, summary, close, executorUrl }: Props) {
  const { app, live } = useApp();
  // A number finds tasks by id and by index; the id is one of few.
  const found = useResource(/^\d+$/.test(id) ? tasks(app, stageRef, { q: id }, 'taskId', 0, 500) : undefined, { live: live && stage.status === 'ACTIVE' });
  return (
    <aside class="task-detail" aria-label={`Task ${id}`} onKeyDown={(event) => event.key === 'Escape' && close()}>
      <Loaded of={found}>
        {(data) => {
          const task = data.tasks.find((t) => String(t.taskId) === id);
          return task ? <OneTask task={task} summary={summary} close={close} executorUrl={executorUrl} /> : <Empty title={`This stage attempt has no task with the id ${id}`}><Button onClick={close}>Close</Button></Empty>;
        }}
      </Loaded>
    </aside>
  );
}

function OneTask({ task, summary, close, executorUrl }: { task: Task; summary: TaskSummary | undefined; close: () => void; executorUrl: (id: string) => string }) {
  const start = useApp().overview.data?.startTime;
  const { path } = usePlace();
  const launched = sparkTime(task.launchTime);
  const ended = task.status === 'RUNNING' || launched === undefined ? undefined : launched + (task.duration ?? 0);
  return (
    <>
      <header>
        <h3>Task {task.index}</h3>
        <Status of={task.status} />
        {task.attempt > 0 && <Badge>attempt {task.attempt}</Badge>}
        {task.speculative && <Badge tone="run" title="A copy of a slow task on another executor">speculative</Badge>}
        <Button quiet icon="close" label="Close the task" onClick={close} />
      </header>
      {task.errorMessage && (
        <Failure tone={task.status === 'KILLED' ? 'warn' : 'fail'} title={task.status === 'KILLED' ? 'Why it was killed' : 'Why it failed'} text={task.errorMessage} lines={6} />
      )}
      <Facts>
        <Fact name="Duration"><Duration v={task.duration ?? 0} /></Fact>
        <Fact name="Launched"><Moment v={launched} start={start} fine /></Fact>
        <Fact name="Ended"><Moment v={ended} start={start} fine /></Fact>
        <Fact name="Executor"><Link to={executorUrl(task.executorId)}>{task.executorId}</Link> <span class="muted">{task.host}</span></Fact>
        <Fact name="Locality" help="locality">{task.taskLocality}</Fact>
        <Fact name="Task id">{task.taskId}</Fact>
        <Fact name="Partition">{task.partitionId}</Fact>
        <Fact name="Logs"><Logs of={task.executorLogs} /></Fact>
        <Fact name="Timeline"><a href={withQuery(path, new URLSearchParams(), { view: 'timeline', task: String(task.taskId) })}>Show it there</a></Fact>
      </Facts>
      {task.taskMetrics ? (
        <>
          <StackedBar label="Time of the task by what it was spent on" parts={phasesOf(task).filter((p) => p.value > 0)} show={(ms) => <Duration v={ms} />} />
          <Numbers task={task} summary={summary} />
        </>
      ) : (
        <p class="muted">It has reported no metrics yet.</p>
      )}
      {task.accumulatorUpdates.length > 0 && (
        <>
          <h4>Accumulators</h4>
          <dl class="task-accumulators">
            {task.accumulatorUpdates.map((a) => (
              <div key={a.id}>
                <dt>{a.name ?? `accumulator ${a.id}`}</dt>
                <dd>{a.update ?? a.value ?? '–'}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </>
  );
}

/** What the task reported, beside the median of the stage. */
function Numbers({ task, summary }: { task: Task; summary: TaskSummary | undefined }) {
  const rows = MEASURES.map((m) => ({ m, value: m.ofTask(task) ?? 0, median: summary && quantile(summary, m, 0.5) })).filter((r) => r.value > 0 || (r.median ?? 0) > 0);
  return (
    <table class="task-numbers" aria-label="Numbers of the task">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col">This task</th>
          {summary && <th scope="col">Median</th>}
          {summary && <th scope="col">Ratio</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ m, value, median }) => (
          <tr key={m.id}>
            <th scope="row">{m.title}</th>
            <td><Num title={exact(m.unit, value)}>{show(m.unit, value)}</Num></td>
            {summary && <td class="muted"><Num title={exact(m.unit, median)}>{show(m.unit, median)}</Num></td>}
            {summary && <td class="muted">{median ? `${times(value / median)}×` : '–'}</td>}
          </tr>
        ))}
      </tbody>
      <caption class="muted">{MEASURES.length - rows.length > 0 && `${MEASURES.length - rows.length} other metrics are 0.`}</caption>
    </table>
  );
}
