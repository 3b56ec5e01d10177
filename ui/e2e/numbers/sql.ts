import { expect } from 'vitest';
import type { SqlExecution, SqlRow, SqlRows } from '../../src/api/ours';
import { kindOf } from '../../src/components/badge';
import { type App, ours, pages, spark } from '../places';
import { answer, down, isNew, moment } from './answers';
import { percent, type Reader, type Row } from './reader';

const row = (x: SqlRow): Row => ({
  Id: String(x.id),
  Status: kindOf(x.status).word,
  Submitted: x.submitTime,
  Duration: x.duration,
  Stages: x.stages,
  Jobs: x.jobs.length === 0 ? 'none' : `${x.failedJobs > 0 ? `${x.failedJobs} failed: ` : ''}${x.jobs.slice(0, 5).join('')}${x.jobs.length > 5 ? `and ${x.jobs.length - 5} more` : ''}`,
});

export async function sql(see: Reader, app: App): Promise<void> {
  const { sql: all, total } = await answer<SqlRows>(`${ours(app)}/sql?length=10000`);
  if (total === 0) return;
  for (const query of ['sort=-submitTime', 'sort=-duration', 'sort=-stages', 'sort=id&status=FAILED']) {
    const { sql: found } = await answer<SqlRows>(`${ours(app)}/sql?${query}&length=200`);
    await see.go(`${pages(app)}/sql?${query}`);
    await see.table('SQL executions', found.map(row));
  }
  await asSpark(app, all);
  const graphs = await Promise.all(all.map(({ id }) => answer<SqlExecution>(`${ours(app)}/sql/${id}/graph`)));
  const numbers = ({ nodes }: SqlExecution) => nodes.reduce((n, node) => n + (node.metrics ?? []).filter((m) => m.value !== undefined).length, 0);
  for (const execution of down(graphs, numbers).slice(0, 2)) if (isNew(execution)) await plan(see, app, execution);
}

interface Spark { id: number; status: string; submissionTime: string; duration: number; runningJobIds: number[]; successJobIds: number[]; failedJobIds: number[] }

async function asSpark(app: App, all: SqlRow[]): Promise<void> {
  const spoken = await answer<Spark[]>(`${spark(app)}/sql?details=false&length=10000`);
  const ours = new Map(all.map((x) => [x.id, x]));
  for (const s of spoken) {
    const x = ours.get(s.id);
    expect([s.id, x?.submitTime, x?.failedJobs, x?.jobs.length]).toEqual([s.id, moment(s.submissionTime), s.failedJobIds.length, s.runningJobIds.length + s.successJobIds.length + s.failedJobIds.length]);
    if (s.status !== 'RUNNING') expect([s.id, x?.duration]).toEqual([s.id, s.duration]);
  }
}

/** Every operator's panel, beside the text, which is quicker to draw than the plan: its share and all its metrics. */
async function plan(see: Reader, app: App, execution: SqlExecution): Promise<void> {
  for (const node of execution.nodes) {
    const metrics = (node.metrics ?? []).filter((m) => m.value !== undefined);
    if (metrics.length === 0) continue;
    await see.go(`${pages(app)}/sql/${execution.id}?view=text&node=${node.id}`);
    const spread = metrics.some((m) => m.max !== undefined);
    await see.table('Metrics', metrics.map((m) => ({
      Metric: m.name,
      Total: m.value,
      ...(spread && { Min: m.min, Median: m.median, 'Max of a task': m.max }),
    })));
    if (node.share !== undefined) {
      await see.eventually(() => see.page.evaluate(() => [...document.querySelectorAll('.panel-share .num')].map((n) => n.getAttribute('title') ?? '')), shareOf(node.share, node.time), 'share');
    }
  }
  await see.go(`${pages(app)}/sql/${execution.id}?view=jobs`);
  if (execution.stages.length > 0) {
    const run = execution.stages.reduce((n, s) => n + (s.runTime ?? 0), 0);
    const stages = [...execution.stages].sort((a, b) => a.stage - b.stage || a.attempt - b.attempt);
    await see.table('Stages of the execution', stages.map((s) => ({
      Stage: s.attempt > 0 ? `${s.stage}, attempt ${s.attempt}` : String(s.stage),
      Status: kindOf(s.status).word,
      Tasks: s.tasks,
      ...(s.status === 'SKIPPED' ? {} : { Duration: s.duration, 'Run time': s.runTime, ...(run > 0 && { Share: percent((s.runTime ?? 0) / run) }) }),
    })));
  }
}

const shareOf = (share: number, time: number | undefined): string[] => [`${percent(share)?.toLocaleString('en-US')}%`, `${(time ?? 0).toLocaleString('en-US', { maximumFractionDigits: 2 })} ms`];
