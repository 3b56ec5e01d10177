import type { JobsTimeline, TimedJob, TimedStage } from '../../api/stages';
import type { Bar, Lane } from '../../components/timeline/lanes';
import { counted } from '../../core/format';

/** Jobs and stages as lanes of the timeline. */

export const LEVELS = { sql: 0, job: 1, stage: 2 } as const;

/** More SQL executions than this are not read as a lane each. */
export const MANY_LANES = 40;

export interface Urls {
  sql: (id: number) => string;
  job: (id: number) => string;
  stage: (stage: number, attempt: number) => string;
}

/** A job that began; all that a timeline can show. */
type Begun = TimedJob & { submitTime: number };

interface Group {
  sql: number | undefined;
  jobs: Begun[];
}

export const titleOf = (job: TimedJob): string => job.description ?? job.name;

/** The jobs of each SQL execution together, those without in one group at the end; by their first job. */
export function groupsOf(jobs: readonly TimedJob[]): Group[] {
  const groups = new Map<number | undefined, Group>();
  for (const job of jobs.filter((j): j is Begun => j.submitTime !== undefined).sort((a, b) => a.submitTime - b.submitTime || a.id - b.id)) {
    const group = groups.get(job.sql) ?? { sql: job.sql, jobs: [] };
    groups.set(job.sql, group);
    group.jobs.push(job);
  }
  const all = [...groups.values()];
  return [...all.filter((g) => g.sql !== undefined), ...all.filter((g) => g.sql === undefined)];
}

/** `until` is where bars of what has not ended end. */
export function lanesOf(timeline: JobsTimeline, grouped: boolean, until: number, urls: Urls): Lane[] {
  const ran = runsOf(timeline.stages);
  const barsOf = (group: Group): Bar[] => [
    ...(group.sql === undefined ? [] : [sqlBar(group.sql, group.jobs, until, urls)]),
    ...group.jobs.map((job) => jobBar(job, until, urls)),
    ...stageBars(group.jobs, ran, until, urls),
  ];
  const groups = groupsOf(timeline.jobs);
  if (!grouped) {
    return groups.length === 0 ? [] : [{ key: 'all', title: 'All jobs', sub: counted(timeline.jobs.length, 'job'), bars: groups.flatMap(barsOf) }];
  }
  return groups.map((group) => ({
    key: group.sql === undefined ? 'none' : `sql ${group.sql}`,
    title: group.sql === undefined ? (groups.length === 1 ? 'Jobs' : 'Jobs without SQL') : `SQL ${group.sql}`,
    sub: group.sql === undefined ? counted(group.jobs.length, 'job') : (group.jobs[0] ? titleOf(group.jobs[0]) : ''),
    ...(group.sql !== undefined && { href: urls.sql(group.sql) }),
    // The lane's name says which SQL it is.
    bars: barsOf(group).filter((b) => b.level !== LEVELS.sql),
  }));
}

function runsOf(stages: readonly TimedStage[]): Map<number, TimedStage[]> {
  const ran = new Map<number, TimedStage[]>();
  for (const stage of stages) {
    if (stage.submitTime === undefined || stage.status === 'SKIPPED' || stage.status === 'PENDING') continue;
    const known = ran.get(stage.stage);
    if (known) known.push(stage);
    else ran.set(stage.stage, [stage]);
  }
  return ran;
}

function sqlBar(id: number, jobs: readonly Begun[], until: number, urls: Urls): Bar {
  const failed = jobs.some((j) => j.status === 'FAILED');
  return {
    key: `sql ${id}`,
    level: LEVELS.sql,
    start: Math.min(...jobs.map((j) => j.submitTime)),
    end: Math.max(...jobs.map((j) => j.endTime ?? until)),
    title: `SQL ${id} · ${jobs[0] ? titleOf(jobs[0]) : ''}`,
    color: '--c4',
    failed,
    href: urls.sql(id),
  };
}

function jobBar(job: Begun, until: number, urls: Urls): Bar {
  return {
    key: `job ${job.id}`,
    level: LEVELS.job,
    start: job.submitTime,
    end: job.endTime ?? Math.max(until, job.submitTime),
    title: `Job ${job.id} · ${titleOf(job)}`,
    color: job.status === 'FAILED' ? '--fail' : job.status === 'RUNNING' ? '--run' : '--c1',
    failed: job.status === 'FAILED',
    striped: job.status === 'RUNNING',
    href: urls.job(job.id),
  };
}

/** A stage that several jobs share is drawn once. */
function stageBars(jobs: readonly Begun[], ran: Map<number, TimedStage[]>, until: number, urls: Urls): Bar[] {
  const ids = new Set(jobs.flatMap((j) => j.stages));
  return [...ids].flatMap((id) =>
    (ran.get(id) ?? []).map((s): Bar => ({
      key: `stage ${s.stage}.${s.attempt}`,
      level: LEVELS.stage,
      start: s.submitTime ?? 0,
      end: s.endTime ?? Math.max(until, s.submitTime ?? 0),
      title: `Stage ${s.stage}${s.attempt > 0 ? `.${s.attempt}` : ''} · ${s.name}`,
      color: s.status === 'FAILED' ? '--fail' : s.status === 'ACTIVE' ? '--run' : '--c3',
      failed: s.status === 'FAILED',
      striped: s.status === 'ACTIVE',
      href: urls.stage(s.stage, s.attempt),
    })),
  );
}
