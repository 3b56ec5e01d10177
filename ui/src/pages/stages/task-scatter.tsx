import { useState } from 'preact/hooks';
import { scatter, type ScatterPoint, type StageRef, type Unit } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Status } from '../../components/badge';
import { Button } from '../../components/button';
import { PlainTable } from '../../components/plain-table';
import { ScatterPlot } from '../../components/scatter-plot';
import { Section } from '../../components/section';
import { Empty, Loaded, Skeleton } from '../../components/state';
import { TipTable } from '../../components/tip';
import { Select } from '../../components/select';
import { count } from '../../core/format';
import { navigate, useParam, usePlace, withQuery } from '../../core/router';
import { brief, exact, measure, measured, MEASURES, show, type TaskSummary, used, valuesOf } from './measures';

/** Two metrics against each other, a point a task: whether slow tasks are those with much data. */
export function TaskScatter({ stageRef, summary, waiting, running }: { stageRef: StageRef; summary: TaskSummary | undefined; waiting: boolean; running: boolean }) {
  const { app } = useApp();
  const { path } = usePlace();
  const first = summary ? best(summary) : 'runTime';
  const [x, chooseX] = useParam('x', first);
  const [y, chooseY] = useParam('y', 'duration');
  const [table, setTable] = useState(false);
  const found = useResource(!waiting ? scatter(app, stageRef, x, y) : undefined, { live: running, keep: true });
  const named = { x: axisOf(x), y: axisOf(y) };
  const taskUrl = (p: ScatterPoint) => withQuery(path, new URLSearchParams(), { view: 'tasks', sort: `-${y}`, task: String(p.task) });
  const options = (summary ? used(summary) : MEASURES).map(({ id, title }) => ({ value: id, text: title }));
  return (
    <Section
      title="Task by task"
      actions={
        <span class="choices-row">
          <Select label="across" options={options} value={x} choose={chooseX} />
          <Select label="up" options={options} value={y} choose={chooseY} />
          <Button quiet icon={table ? 'chart' : 'table'} label={table ? 'Show the tasks as points' : 'Show the points as a table'} onClick={() => setTable(!table)} />
        </span>
      }
    >
      {waiting ? (
        <Skeleton height={214} />
      ) : (
        <Loaded of={found} skeleton={<Skeleton height={214} />}>
          {({ points, total }) => {
            if (points.length === 0) return <Empty title="No task has reported anything" />;
            if (table) return <Points points={points} named={named} taskUrl={taskUrl} />;
            return (
              <>
                <ScatterPlot
                  label={`${named.y.title} against ${named.x.title}`}
                  dots={points}
                  color={(p) => COLORS[p.status] ?? '--c1'}
                  crossed={(p) => p.status === 'FAILED' || p.status === 'KILLED'}
                  unitX={named.x.unit}
                  unitY={named.y.unit}
                  showX={(v) => brief(named.x.unit, v)}
                  showY={(v) => brief(named.y.unit, v)}
                  onPick={(p) => navigate(taskUrl(p))}
                  tip={(p) => (
                    <TipTable
                      title={`Task ${p.index} · ${p.status}`}
                      lines={[
                        { name: named.x.title, value: `${show(named.x.unit, p.x)} (${exact(named.x.unit, p.x)})` },
                        { name: named.y.title, value: `${show(named.y.unit, p.y)} (${exact(named.y.unit, p.y)})` },
                        { name: 'Executor', value: p.executor },
                        { name: 'Task id', value: count(p.task), small: true },
                      ]}
                    />
                  )}
                />
                {points.length < total && (
                  <p class="muted">{count(points.length)} of {count(total)} tasks, spread evenly; the largest and smallest are all there.</p>
                )}
              </>
            );
          }}
        </Loaded>
      )}
    </Section>
  );
}

const COLORS: Record<string, string> = { SUCCESS: '--c1', FAILED: '--fail', KILLED: '--warn', RUNNING: '--run' };

interface Axis {
  title: string;
  unit: Unit;
}

const axisOf = (id: string): Axis => measure(id) ?? { title: id, unit: 'count' };

/** What most likely explains durations: the data that tasks read, or else what they write. */
function best(summary: TaskSummary): string {
  const data = ['shuffleRead', 'inputSize', 'inputRecords', 'shuffleReadRecords', 'shuffleWrite', 'outputSize', 'gcTime', 'schedulerDelay'];
  const differs = (id: string) => {
    const values = valuesOf(summary, measured(id));
    return values[0] !== values[values.length - 1];
  };
  return data.find(differs) ?? 'runTime';
}

function Points({ points, named, taskUrl }: { points: ScatterPoint[]; named: { x: Axis; y: Axis }; taskUrl: (p: ScatterPoint) => string }) {
  const most = [...points].sort((a, b) => b.y - a.y).slice(0, 100);
  return (
    <div class="histogram-table" style={{ maxHeight: '230px' }} tabIndex={0} role="region" aria-label="Points as a table: the hundred highest">
      <PlainTable
        label={`The tasks with the highest ${named.y.title}`}
        rows={most}
        rowKey={(p) => p.task}
        columns={[
          { title: 'Task', cell: (p) => <a href={taskUrl(p)}>{p.index}</a> },
          { title: 'Status', cell: (p) => <Status of={p.status} quiet /> },
          { title: 'Executor', cell: (p) => p.executor },
          { title: named.x.title, right: true, cell: (p) => <span title={exact(named.x.unit, p.x)}>{show(named.x.unit, p.x)}</span> },
          { title: named.y.title, right: true, cell: (p) => <span title={exact(named.y.unit, p.y)}>{show(named.y.unit, p.y)}</span> },
        ]}
      />
    </div>
  );
}
