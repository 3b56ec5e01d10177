import { useMemo } from 'preact/hooks';
import { type Stage, type StageRef, type StageTimeline, stageTimeline, type TimedTask } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Status } from '../../components/badge';
import { Duration, Time } from '../../components/number';
import { Section } from '../../components/section';
import { Empty, Loaded, Skeleton } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { type Bar, type Lane, pack } from '../../components/timeline/lanes';
import { Timeline } from '../../components/timeline/timeline';
import { type TipLine, TipTable } from '../../components/tip';
import { Select } from '../../components/select';
import { clock, count, counted, duration, durationExact } from '../../core/format';
import { navigate, useParam, usePlace, withQuery } from '../../core/router';
import { PHASE_LOOKS, PHASE_ORDER } from './phases';

const LENGTHS = ['1000', '5000', '20000'];

/** Which executor ran which task when, and what the task spent its time on. */
export function EventTimeline({ stage, stageRef }: { stage: Stage; stageRef: StageRef }) {
  const { app, live } = useApp();
  const [length, setLength] = useParam('length', '1000');
  const timeline = useResource(stageTimeline(app, stageRef, Number(length) || 1000), { live: live && stage.status === 'ACTIVE', keep: true });
  return (
    <Section
      title="Event timeline"
      help="eventTimeline"
      flush
      actions={timeline.data && timeline.data.total > 1000 ? <Select label="At most" options={LENGTHS.map((value) => ({ value, text: `${count(Number(value))} tasks` }))} value={length} choose={setLength} /> : undefined}
    >
      <Loaded of={timeline} skeleton={<div class="section-body"><Skeleton height={320} /></div>}>
        {(data) => (data.total === 0 ? <Empty title="No task has started" /> : <Drawn data={data} />)}
      </Loaded>
    </Section>
  );
}

function Drawn({ data }: { data: StageTimeline }) {
  const { path, query } = usePlace();
  const lanes = useMemo(() => lanesOf(data), [data]);
  const tasks = useMemo(() => new Map(data.lanes.flatMap((l) => l.tasks.map((t) => [String(t.task), { ...t, executor: l.executor, host: l.host }]))), [data]);
  const rows = useMemo(() => rowHeights(lanes), [lanes]);
  // A copy that lost against a speculative one may outlive the stage.
  const whole = useMemo(() => ({ from: data.start, to: Math.max(data.end, data.start + 1, ...data.lanes.map((l) => Math.max(...l.tasks.map((t) => t.finish)))) }), [data]);
  const taskUrl = (t: TimedTask) => withQuery(path, new URLSearchParams(), { view: 'tasks', task: String(t.task) });
  const columns = useMemo(() => columnsOf(taskUrl), [path]);
  return (
    <>
      {tasks.size < data.total && (
        <p class="timeline-note muted">{count(tasks.size)} of {count(data.total)} tasks are drawn: the longest of each executor.</p>
      )}
      <Timeline
        label="Event timeline"
        lanes={lanes}
        whole={whole}
        rows={rows}
        most={Math.max(320, innerHeight - 330)}
        legend={<Legend />}
        chosen={query.get('task') ?? undefined}
        onPick={(bar) => {
          const task = tasks.get(bar.key);
          if (task) navigate(taskUrl(task));
        }}
        tip={(bar) => {
          const task = tasks.get(bar.key);
          return task && <TipTable title={titleOf(task)} lines={tipLines(task, data.start)} />;
        }}
        table={() => (
          <Table id="stage-timeline" label="Tasks over time" columns={columns} rows={[...tasks.values()]} rowKey={(t) => String(t.task)} prefix="t" sort="launch" most={520} />
        )}
      />
    </>
  );
}

/** Few rows are drawn higher. */
function rowHeights(lanes: Lane[]): number[] {
  const rows = lanes.reduce((sum, lane) => sum + pack(lane.bars).length, 0);
  return [rows <= 20 ? 22 : rows <= 60 ? 16 : 11];
}

type Placed = TimedTask & { executor: string; host: string };

const titleOf = (t: Placed): string => `Task ${t.index}${t.attempt > 0 ? `, attempt ${t.attempt}` : ''} · ${t.status} · executor ${t.executor}`;

export function lanesOf(data: StageTimeline): Lane[] {
  return data.lanes.map((lane) => ({
    key: lane.executor,
    title: `Executor ${lane.executor}`,
    sub: `${lane.host} · ${counted(lane.tasks.length, 'task')}`,
    bars: lane.tasks.map(
      (t): Bar => ({
        key: String(t.task),
        start: t.launch,
        end: t.finish,
        title: String(t.index),
        color: '--c3',
        parts: PHASE_ORDER.map((phase) => ({ length: t.phases[phase], color: PHASE_LOOKS[phase].color })),
        failed: t.status === 'FAILED',
        striped: t.status === 'KILLED',
      }),
    ),
  }));
}

function tipLines(t: Placed, start: number): TipLine[] {
  const whole = t.finish - t.launch;
  const phases = PHASE_ORDER.filter((p) => t.phases[p] > 0).map((p) => ({ name: PHASE_LOOKS[p].title, value: duration(t.phases[p]), color: PHASE_LOOKS[p].color }));
  return [
    { name: 'Duration', value: `${duration(whole)}${whole >= 1000 ? ` (${durationExact(whole)})` : ''}` },
    ...phases,
    { name: 'Launched', value: `${clock(t.launch)}, ${duration(t.launch - start)} after the stage was submitted`, small: true },
    { name: 'Host', value: t.host, small: true },
    { name: 'Task id', value: String(t.task), small: true },
  ];
}

function Legend() {
  return (
    <>
      {PHASE_ORDER.map((phase) => (
        <span key={phase} class="key">
          <i style={{ '--color': `var(${PHASE_LOOKS[phase].color})` }} />
          {PHASE_LOOKS[phase].title}
        </span>
      ))}
      <span class="key"><b class="key-failed" aria-hidden="true">✕</b>Failed</span>
      <span class="key"><i class="striped" style={{ '--color': 'var(--c5)' }} />Killed</span>
    </>
  );
}

function columnsOf(url: (t: TimedTask) => string): Column<Placed>[] {
  return [
    { id: 'index', title: 'Task', width: 84, pin: true, sort: (t) => t.index, cell: (t) => <a href={url(t)}>{t.index}{t.attempt > 0 && `.${t.attempt}`}</a> },
    { id: 'status', title: 'Status', width: 110, sort: (t) => t.status, cell: (t) => <Status of={t.status} quiet /> },
    { id: 'executor', title: 'Executor', width: 100, sort: (t) => t.executor, cell: (t) => t.executor },
    { id: 'launch', title: 'Launched', width: 168, sort: (t) => t.launch, cell: (t) => <Time v={t.launch} /> },
    { id: 'duration', title: 'Duration', width: 104, right: true, down: true, sort: (t) => t.finish - t.launch, cell: (t) => <Duration v={t.finish - t.launch} /> },
    ...PHASE_ORDER.map((phase): Column<Placed> => ({
      id: phase, title: PHASE_LOOKS[phase].title, help: PHASE_LOOKS[phase].help, width: 150, right: true, down: true, sort: (t) => t.phases[phase], cell: (t) => <Duration v={t.phases[phase]} />,
    })),
  ];
}
