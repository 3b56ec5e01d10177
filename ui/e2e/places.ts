/** Every kind of page, by addresses that exist: found by asking the API, as a reader would find them by clicking. */

const server = process.env.AFTERGLOW ?? 'http://127.0.0.1:18080';

export async function ask<T>(path: string): Promise<T> {
  const response = await fetch(server + path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export interface App {
  cluster: string;
  id: string;
  attemptId?: string;
  name: string;
  status: string;
}

export interface Place {
  /** For file names: `sql-execution`. */
  name: string;
  path: string;
}

/** All applications, once every source was read to its end. */
export async function applications(): Promise<App[]> {
  for (let tries = 0; ; tries++) {
    const sources = await ask<{ healthy: boolean }[]>('/api/afterglow/v1/sources');
    if (sources.length > 0 && sources.every((source) => source.healthy)) break;
    if (tries > 600) throw new Error(`sources are not read: ${JSON.stringify(sources)}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return ask<{ applications: App[] }>('/api/afterglow/v1/applications?length=1000').then((found) => found.applications);
}

const attempt = (app: App) => `${encodeURIComponent(app.id)}${app.attemptId ? `/${encodeURIComponent(app.attemptId)}` : ''}`;
/** Where an application's pages are. */
export const pages = (app: App) => `/apps/${encodeURIComponent(app.cluster)}/${attempt(app)}`;
/** Where Spark's API has it. */
export const spark = (app: App) => `/clusters/${encodeURIComponent(app.cluster)}/api/v1/applications/${attempt(app)}`;
/** Where ours has it. */
export const ours = (app: App) => `/api/afterglow/v1/clusters/${encodeURIComponent(app.cluster)}/applications/${attempt(app)}`;

interface Counts {
  jobs: number;
  stages: number;
  sql: number;
  failedSql: number;
  executors: number;
  removedExecutors: number;
  queries: number;
  failedStages: number;
}

/** One place of each kind; of applications those that have most of what the page shows. */
export async function places(): Promise<Place[]> {
  const apps = await applications();
  const counts = new Map<App, Counts>();
  for (const app of apps) counts.set(app, (await ask<{ counts: Counts }>(`${ours(app)}/overview`)).counts);
  const most = (of: (c: Counts) => number) => [...counts].toSorted(([, a], [, b]) => of(b) - of(a)).filter(([, c]) => of(c) > 0)[0]?.[0];
  const found: Place[] = [
    { name: 'applications', path: '/' },
    { name: 'applications-filtered', path: '/?status=failed&sort=-duration' },
    { name: 'applications-none', path: '/?q=nosuchapplicationanywhere' },
    { name: 'rules', path: '/rules' },
    { name: 'rule', path: `/rules/${encodeURIComponent((await ask<{ name: string }[]>('/api/afterglow/v1/rules'))[0]?.name ?? '')}` },
    { name: 'sources', path: '/sources' },
    { name: 'docs', path: '/docs/quick-start' },
    { name: 'not-found', path: '/apps/nowhere/local-0' },
  ];
  const { incidents } = await ask<{ incidents: { id: number }[] }>('/api/afterglow/v1/incidents');
  found.push({ name: 'incidents', path: '/incidents' }, { name: 'incidents-quiet', path: '/incidents?view=quiet' }, { name: 'incidents-dead', path: '/incidents?view=deliveries' }, { name: 'incidents-remediation', path: '/incidents?view=remediation' });
  if (incidents[0]) found.push({ name: 'incident', path: `/incidents/${incidents[0].id}` });
  const add = (name: string, app: App | undefined, rest: string) => app && found.push({ name, path: pages(app) + rest });

  const failed = most((c) => c.failedStages);
  add('overview-failed', failed, '');
  const sql = most((c) => c.sql);
  for (const tab of ['', '/jobs', '/stages', '/sql', '/executors', '/storage', '/environment']) add(`app${tab.replace('/', '-')}`, sql, tab);
  add('job-failed', failed, `/jobs/${failed ? await jobOf(failed) : 0}`);
  for (const [name, app] of [['stage-failed', failed], ['stage-large', most((c) => c.stages)]] as const) {
    if (app) add(name, app, `/stages/${await stageOf(app, name === 'stage-failed')}`);
  }
  if (sql) {
    const list = await ask<{ sql: { id: number; stages: number }[] }>(`${ours(sql)}/sql?length=1000`);
    add('sql-execution', sql, `/sql/${list.sql.toSorted((a, b) => b.stages - a.stages)[0]?.id}`);
  }
  add('executors-lost', most((c) => c.removedExecutors), '/executors');
  const streaming = most((c) => c.queries);
  if (streaming) {
    add('streaming', streaming, '/streaming');
    const queries = await ask<{ runId: string }[]>(`${ours(streaming)}/streaming/queries`);
    add('streaming-query', streaming, `/streaming/${queries[0]?.runId}`);
  }
  await placesOfFindings(apps, add);
  for (const app of apps) {
    const rdds = await ask<{ id: number }[]>(`${spark(app)}/storage/rdd`);
    if (rdds[0]) {
      add('storage', app, '/storage');
      add('storage-rdd', app, `/storage/${rdds[0].id}`);
      break;
    }
  }
  for (const app of apps) {
    if ((await ask<unknown[]>(`${spark(app)}/connect/sessions`)).length > 0) {
      add('connect', app, '/connect');
      break;
    }
  }
  for (const app of apps) {
    if ((await ask<{ known: boolean }>(`${ours(app)}/pauses`)).known) {
      add('jvm-pauses', app, '/executors');
      break;
    }
  }
  add('running', apps.find((a) => a.status === 'running'), '');
  return found;
}

/** Applications with and without findings, and places of findings. */
async function placesOfFindings(apps: App[], add: (name: string, app: App, rest: string) => unknown): Promise<void> {
  interface Finding { where: { kind: string; stage?: number; attempt?: number; sql?: number; run?: string } }
  const all = await Promise.all(apps.map(async (app) => ({ app, of: await ask<Finding[]>(`${ours(app)}/findings`) })));
  const most = all.toSorted((a, b) => b.of.length - a.of.length)[0];
  if (most && most.of.length > 0) {
    add('overview-findings', most.app, '');
    add('findings', most.app, '/findings');
  }
  const healthy = all.find(({ of }) => of.length === 0);
  if (healthy) add('findings-none', healthy.app, '/findings');
  const at = (...kinds: string[]) => all.flatMap(({ app, of }) => of.map(({ where }) => ({ app, where }))).find(({ where }) => kinds.includes(where.kind));
  const stage = at('stage');
  if (stage) add('stage-findings', stage.app, `/stages/${stage.where.stage}/${stage.where.attempt}`);
  const sql = at('sql', 'node');
  if (sql) add('sql-findings', sql.app, `/sql/${sql.where.sql}?view=findings`);
  const executor = at('executor', 'host');
  if (executor) add('executors-findings', executor.app, '/executors');
  const query = at('query', 'batch');
  if (query) add('streaming-findings', query.app, `/streaming/${query.where.run}`);
}

async function jobOf(app: App): Promise<number> {
  const jobs = await ask<{ jobId: number; status: string }[]>(`${spark(app)}/jobs`);
  return (jobs.find((j) => j.status === 'FAILED') ?? jobs[0])?.jobId ?? 0;
}

async function stageOf(app: App, failed: boolean): Promise<string> {
  const stages = await ask<{ stageId: number; attemptId: number; status: string; numTasks: number }[]>(`${spark(app)}/stages`);
  const largest = stages.filter((s) => s.status === (failed ? 'FAILED' : 'COMPLETE')).toSorted((a, b) => b.numTasks - a.numTasks)[0];
  return `${largest?.stageId ?? 0}/${largest?.attemptId ?? 0}`;
}
