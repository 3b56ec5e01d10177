import { expect } from 'vitest';
import { SEVERITIES } from '../../src/api/findings';
import type { ApplicationRow, Facets } from '../../src/api/ours';
import { kindOf } from '../../src/components/badge';
import { counted } from '../../src/core/format';
import { answer } from './answers';
import type { Reader, Row } from './reader';

const API = '/api/afterglow/v1/applications';
const COLUMNS = 'status.name.id.cluster.user.startTime.endTime.duration.findings.executorTime.tasks.failedTasks.error.queue.version.logSize';
const FACETS = ['status', 'findings', 'cluster', 'user', 'queue', 'version', 'label'] as const;
const LEGENDS = { status: 'Status', findings: 'Severest finding', cluster: 'Cluster', user: 'User', queue: 'Queue', version: 'Spark version', label: 'Label' };
const FEW = 7;

const row = (a: ApplicationRow): Row => ({
  Status: kindOf(a.status).word,
  Application: `${a.name}\n${a.id}`,
  Id: a.id,
  Cluster: a.cluster,
  User: a.user || '–',
  Started: a.startTime,
  Ended: a.endTime,
  Duration: a.duration,
  'Executor time': a.executorTime,
  Findings: findings(a),
  Tasks: a.tasks,
  'Failed tasks': a.failedTasks,
  Error: a.error ?? '',
  Queue: a.queue ?? '',
  Spark: a.sparkVersion,
  'Log size': a.logSize,
});

/** As the cell says on hover. */
function findings({ findings: of }: ApplicationRow): string {
  if (!of) return 'Not judged yet';
  return SEVERITIES.filter((s) => of[s] > 0).map((s) => `${of[s]} ${s}`).join(', ') || 'Nothing found';
}

async function list(see: Reader, query: string, sort: string): Promise<ApplicationRow[]> {
  const { applications: all, total } = await answer<{ applications: ApplicationRow[]; total: number }>(`${API}?${query}&sort=${sort}&length=200`);
  expect(all.length).toBe(total);
  await see.go(`/?${query}&sort=${sort}&cols=${COLUMNS}`);
  await see.table('Applications', all.map(row));
  await see.says('.table-bar .muted[aria-live]', counted(total, 'application'));
  return all;
}

export async function sorted(see: Reader): Promise<void> {
  for (const by of ['-startTime', 'name', '-duration', 'duration', '-tasks', '-failedTasks', '-executorTime', 'endTime', '-logSize', 'status', 'version']) await list(see, '', by);
}

/** Filtered by every value of every facet: as many rows as the facet says, and the other facets counted among them. */
export async function facets(see: Reader): Promise<number> {
  const all = await answer<Facets>(`${API}/facets`);
  let tried = 0;
  for (const facet of FACETS) {
    for (const { value, count } of all[facet]) {
      const query = `${facet}=${encodeURIComponent(value)}`;
      const found = await list(see, query, '-startTime');
      expect(found.length, query).toBe(count);
      await panel(see, await answer<Facets>(`${API}/facets?${query}`));
      tried += 1;
    }
  }
  for (const q of ['failures', 'streaming', 'nosuchapplicationanywhere']) if ((await list(see, `q=${q}`, '-startTime')).length > 0) tried += 1;
  return tried;
}

async function panel(see: Reader, of: Facets): Promise<void> {
  const wanted = FACETS.filter((facet) => of[facet].length > 0).map((facet) => ({
    legend: LEGENDS[facet],
    values: of[facet].slice(0, FEW).map(({ value, count }) => `${value} ${counted(count, 'applications', 'applications')}`),
  }));
  await see.eventually(
    () => see.page.evaluate(() => [...document.querySelectorAll('.facet')].map((set) => ({
      legend: set.querySelector('legend')?.textContent ?? '',
      values: [...set.querySelectorAll('label')].map((l) => `${l.querySelector('.clip')?.getAttribute('title')} ${l.querySelector('.num')?.getAttribute('title')}`),
    }))),
    wanted,
    'facets',
  );
}

/** Spark's own list says the same of each application. */
export async function asSpark(): Promise<void> {
  const { applications: all } = await answer<{ applications: ApplicationRow[] }>(`${API}?length=200`);
  interface Attempt { attemptId?: string; startTimeEpoch: number; endTimeEpoch: number; duration: number; sparkUser: string; appSparkVersion: string; completed: boolean }
  const spark = await answer<{ id: string; name: string; attempts: Attempt[] }[]>('/api/v1/applications?limit=1000');
  for (const a of all) {
    const found = spark.find(({ id }) => id === a.id)?.attempts.find(({ attemptId }) => attemptId === a.attemptId);
    expect([a.id, found?.startTimeEpoch, found?.sparkUser, found?.appSparkVersion]).toEqual([a.id, a.startTime, a.user, a.sparkVersion]);
    if (a.endTime !== undefined) expect([a.id, found?.endTimeEpoch, found?.duration]).toEqual([a.id, a.endTime, a.duration]);
  }
}
