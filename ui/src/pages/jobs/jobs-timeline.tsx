import { useMemo } from 'preact/hooks';
import type { ExecutorSpan } from '../../api/ours';
import type { JobsTimeline, TimedJob, TimedStage } from '../../api/stages';
import { Status } from '../../components/badge';
import { Link } from '../../components/link';
import { Duration, Time } from '../../components/number';
import { type Column, Table } from '../../components/table';
import type { Bar } from '../../components/timeline/lanes';
import { Timeline } from '../../components/timeline/timeline';
import { type TipLine, TipTable } from '../../components/tip';
import { Select } from '../../components/select';
import { type AppRef, appUrl } from '../../core/address';
import { clock, count, counted, duration, durationExact } from '../../core/format';
import { useParam } from '../../core/router';
import { type Change, changesOf, executorLane } from './executor-lane';
import { groupsOf, lanesOf, MANY_LANES, titleOf, type Urls } from './lanes';

interface Props {
  app: AppRef;
  timeline: JobsTimeline;
  executors: readonly ExecutorSpan[];
  /** Of the application. */
  start: number;
  until: number;
  most: number;
}

const ROWS = [15, 17, 13];

/** Jobs and their stages over the time of the application. */
export function JobsOverTime({ app, timeline, executors, start, until, most }: Props) {
  const groups = useMemo(() => groupsOf(timeline.jobs), [timeline]);
  const usual = groups.length > MANY_LANES ? 'none' : 'sql';
  const [group, setGroup] = useParam('group', usual);
  const urls = useMemo<Urls>(
    () => ({ sql: (id) => appUrl(app, `sql/${id}`), job: (id) => appUrl(app, `jobs/${id}`), stage: (stage, attempt) => appUrl(app, `stages/${stage}/${attempt}`) }),
    [app],
  );
  const unfinished = timeline.jobs.some((j) => j.endTime === undefined) || timeline.stages.some((s) => s.endTime === undefined && s.status === 'ACTIVE');
  const changes = useMemo(() => changesOf(executors, (until - start) / 250), [executors, start, unfinished ? until : 0]);
  const lanes = useMemo(() => [...executorLane(changes), ...lanesOf(timeline, group === 'sql', until, urls)], [changes, timeline, group, unfinished ? until : 0, urls]);
  const known = useMemo(() => byKey(timeline), [timeline]);
  const whole = useMemo(() => ({ from: start, to: Math.max(until, start + 1, ...timeline.jobs.map((j) => j.endTime ?? 0)) }), [start, until, timeline]);
  return (
    <Timeline
      label="Jobs and stages over time"
      lanes={lanes}
      whole={whole}
      rows={ROWS}
      most={most}
      legend={
        <>
          <Select label="Group by" value={group} choose={setGroup} options={[{ value: 'sql', text: 'SQL execution' }, { value: 'none', text: 'nothing' }]} />
          <Legend sql={group !== 'sql' && groups.some((g) => g.sql !== undefined)} />
        </>
      }
      tip={(bar) => <TipTable title={bar.title} lines={changeLines(changes.find((c) => c.bar.key === bar.key), start) ?? tipLines(bar, known, start)} />}
      table={() => <AsTable timeline={timeline} urls={urls} until={until} />}
    />
  );
}

function Legend({ sql }: { sql: boolean }) {
  return (
    <>
      {sql && <span class="key"><i style={{ '--color': 'var(--c4)' }} />SQL</span>}
      <span class="key"><i style={{ '--color': 'var(--c1)' }} />Job</span>
      <span class="key"><i style={{ '--color': 'var(--c3)' }} />Stage</span>
      <span class="key"><i style={{ '--color': 'var(--fail)' }} />✕ Failed</span>
      <span class="key"><i class="striped" style={{ '--color': 'var(--run)' }} />Running</span>
    </>
  );
}

const NAMED = 8;

function changeLines(change: Change | undefined, start: number): TipLine[] | undefined {
  if (!change) return undefined;
  const { bar, executors } = change;
  const removed = bar.key.startsWith('removed');
  return [
    { name: 'At', value: `${clock(bar.start)}, ${duration(bar.start - start)} after the start` },
    ...executors.slice(0, NAMED).map((e) => ({ name: `Executor ${e.id}`, value: removed ? (e.reason ?? 'no reason logged').slice(0, 90) : `${e.host}, ${counted(e.cores, 'core')}` })),
    ...(executors.length > NAMED ? [{ name: `and ${executors.length - NAMED} more`, value: '' }] : []),
  ];
}

function byKey({ jobs, stages }: JobsTimeline): Map<string, TimedJob | TimedStage> {
  return new Map<string, TimedJob | TimedStage>([
    ...jobs.map((j) => [`job ${j.id}`, j] as const),
    ...stages.map((s) => [`stage ${s.stage}.${s.attempt}`, s] as const),
  ]);
}

function tipLines(bar: Bar, known: Map<string, TimedJob | TimedStage>, start: number): TipLine[] {
  const of = known.get(bar.key);
  const length = bar.end - bar.start;
  const lines: TipLine[] = [
    { name: of && 'endTime' in of && of.endTime === undefined ? 'Runs for' : 'Duration', value: `${duration(length)}${length >= 1000 ? ` (${durationExact(length)})` : ''}` },
    { name: 'Began', value: `${clock(bar.start)}, ${duration(bar.start - start)} after the start` },
  ];
  if (of) lines.unshift({ name: 'Status', value: of.status });
  if (of && 'tasks' in of) {
    lines.push({ name: 'Tasks', value: `${count(of.tasks)}${of.failedTasks > 0 ? `, ${count(of.failedTasks)} failed` : ''}` });
    if (of.firstTaskTime !== undefined && of.submitTime !== undefined) lines.push({ name: 'First task after', value: duration(of.firstTaskTime - of.submitTime), small: true });
  } else if (of) {
    lines.push({ name: 'Stages', value: `${count(of.stages.length)}${of.skippedStages.length > 0 ? `, ${count(of.skippedStages.length)} skipped` : ''}` });
  }
  return lines;
}

interface Line {
  key: string;
  what: string;
  url: string;
  name: string;
  status: string;
  start: number | undefined;
  length: number | undefined;
  sql: number | undefined;
}

function AsTable({ timeline, urls, until }: { timeline: JobsTimeline; urls: Urls; until: number }) {
  const rows = useMemo(() => {
    const sqlOf = new Map(timeline.jobs.map((j) => [j.id, j.sql]));
    const lengthOf = (from: number | undefined, to: number | undefined) => (from === undefined ? undefined : Math.max(0, (to ?? until) - from));
    return [
      ...timeline.jobs.map((j): Line => ({ key: `job ${j.id}`, what: `Job ${j.id}`, url: urls.job(j.id), name: titleOf(j), status: j.status, start: j.submitTime, length: lengthOf(j.submitTime, j.endTime), sql: j.sql })),
      ...timeline.stages.filter((s) => s.submitTime !== undefined).map((s): Line => ({ key: `stage ${s.stage}.${s.attempt}`, what: `Stage ${s.stage}${s.attempt > 0 ? `.${s.attempt}` : ''}`, url: urls.stage(s.stage, s.attempt), name: s.name, status: s.status, start: s.submitTime, length: lengthOf(s.submitTime, s.endTime), sql: sqlOf.get(s.jobs[0] ?? -1) })),
    ];
  }, [timeline, until]);
  const columns = useMemo<Column<Line>[]>(
    () => [
      { id: 'what', title: 'What', width: 110, pin: true, sort: (l) => l.what, cell: (l) => <Link to={l.url}>{l.what}</Link> },
      { id: 'status', title: 'Status', width: 120, sort: (l) => l.status, cell: (l) => <Status of={l.status} quiet /> },
      { id: 'name', title: 'Name', width: 220, grow: 1, sort: (l) => l.name, cell: (l) => <span class="clip" title={l.name}>{l.name}</span> },
      { id: 'sql', title: 'SQL', width: 80, sort: (l) => l.sql, cell: (l) => (l.sql === undefined ? <span class="muted">–</span> : <Link to={urls.sql(l.sql)}>{l.sql}</Link>) },
      { id: 'start', title: 'Began', width: 168, sort: (l) => l.start, cell: (l) => <Time v={l.start} /> },
      { id: 'duration', title: 'Duration', width: 110, right: true, down: true, sort: (l) => l.length, cell: (l) => <Duration v={l.length} /> },
    ],
    [urls],
  );
  return <Table id="jobs-timeline" label="Jobs and stages over time" columns={columns} rows={rows} rowKey={(l) => l.key} prefix="t" sort="start" most={320} />;
}
