import { useMemo } from 'preact/hooks';
import { usePagedList } from '../../api/pages';
import { type Stage, type StageRef, type Task, TASK_STATUSES, type Tasks, tasks } from '../../api/stages';
import { useApp } from '../../app/app-context';
import { kindOf } from '../../components/badge';
import { Button } from '../../components/button';
import { Search } from '../../components/search';
import { Empty } from '../../components/state';
import { Table } from '../../components/table';
import { Toggles } from '../../components/toggles';
import { appUrl } from '../../core/address';
import { count } from '../../core/format';
import { setQuery, useParam, useParams, usePlace, withQuery } from '../../core/router';
import { measured, quantile } from './measures';
import { useQuantiles } from './quantiles';
import { taskColumns } from './task-columns';
import { TaskDetail } from './task-detail';
import './task-list.css';

/** All task attempts of the stage, sorted and filtered by the server, fetched as they are scrolled into view. */
export function TaskList({ stage, stageRef }: { stage: Stage; stageRef: StageRef }) {
  const { app, live, overview } = useApp();
  const { path, query } = usePlace();
  const [statuses, setStatuses] = useParams('status');
  const [executors, setExecutors] = useParams('executor');
  const [q, setQ] = useParam('q');
  const [chosen, choose] = useParam('task');
  const sort = query.get('sort') ?? 'index';
  const filter = { status: statuses, executor: executors, q: q.trim() };
  const running = live && stage.status === 'ACTIVE';
  // The bar in the duration column is against the slowest task, whatever is shown.
  const summary = useQuantiles(app, stageRef, running);
  const list = usePagedList<Tasks, Task>({
    page: (offset, length) => tasks(app, stageRef, filter, sort, offset, length),
    read: (answer) => ({ total: answer.filtered, rows: answer.tasks }),
    live: () => running,
  });
  const columns = useMemo(
    () => taskColumns({ stage, slowest: summary.data && quantile(summary.data, measured('duration'), 1), start: overview.data?.startTime, urlOf: (id) => withQuery(path, query, { task: id }), onExecutor: (id) => setExecutors([id]), choose }),
    [stage, summary.data, path, query.toString()],
  );
  const all = stage.numActiveTasks + stage.numCompleteTasks + stage.numFailedTasks + stage.numKilledTasks;
  const some = statuses.length + executors.length > 0 || q !== '';

  return (
    <section class="task-list section">
      <Table
        id="tasks"
        label="Tasks of the stage"
        columns={columns}
        rows={list}
        rowKey={(t) => String(t.taskId)}
        sort="index"
        fill
        href={(t) => withQuery(path, query, { task: String(t.taskId) })}
        rowClass={(t) => (String(t.taskId) === chosen ? 'chosen' : undefined)}
        empty={
          all === 0 ? (
            <Empty title="No task has started">The stage waits for executors or for a free core.</Empty>
          ) : (
            <Empty title="No task fits">
              {count(all)} task attempts are hidden by the filters. <Button onClick={() => setQuery({ status: undefined, executor: undefined, q: undefined })}>Show all</Button>
            </Empty>
          )
        }
        bar={
          <>
            <Search label="Search tasks" placeholder="Search index, task id, executor, host, locality, error" value={q} onChange={setQ} wait={250} />
            <Toggles label="Status of the tasks" chosen={statuses} choose={setStatuses} options={statusOptions(stage, statuses)} />
            {executors.map((id) => (
              <Button key={id} icon="close" label={`Tasks of all executors, not only ${id}`} onClick={() => setExecutors(executors.filter((e) => e !== id))}>Executor {id}</Button>
            ))}
            <span class="muted" role="status">{some && list.total !== undefined ? `${count(list.total)} of ${count(all)}` : ''}</span>
          </>
        }
      />
      {chosen !== '' && <TaskDetail stage={stage} stageRef={stageRef} id={chosen} summary={summary.data} close={() => choose(undefined)} executorUrl={(id) => appUrl(app, 'executors', { executor: id })} />}
    </section>
  );
}

function statusOptions(stage: Stage, chosen: string[]) {
  const counts: Record<string, number> = { SUCCESS: stage.numCompleteTasks, FAILED: stage.numFailedTasks, KILLED: stage.numKilledTasks, RUNNING: stage.numActiveTasks };
  return TASK_STATUSES.filter((s) => (counts[s] ?? 0) > 0 || chosen.includes(s)).map((value) => ({ value, text: kindOf(value).word, count: counts[value], status: true }));
}
