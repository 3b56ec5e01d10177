import { decoded, segments, withQuery } from './router';

/** Which attempt a page shows. `attempt` is absent for applications that have no attempt ids. */
export interface AppRef {
  cluster: string;
  id: string;
  attempt?: string | undefined;
}

/**
 * The first word of what follows an application in an address. An attempt id stands before it:
 * /apps/<cluster>/<application>[/<attempt>][/<section>…]. A word that is none of these is an attempt id.
 */
const SECTIONS = [
  'jobs', 'stages', 'sql', 'executors', 'streaming', 'storage', 'environment', 'connect', 'findings', 'compare', 'events',
] as const;

const isSection = (word: string): boolean => (SECTIONS as readonly string[]).includes(word);

type Query = Record<string, string | string[] | undefined>;

/** The address of an application's page: `appUrl(app, 'stages/3/0', { status: 'FAILED' })`. */
export function appUrl(app: AppRef, rest = '', query: Query = {}): string {
  const parts = ['apps', app.cluster, app.id, ...(app.attempt === undefined ? [] : [app.attempt])].map(encodeURIComponent);
  return withQuery(`/${parts.join('/')}${rest && `/${rest}`}`, new URLSearchParams(), query);
}

export interface AppPlace {
  app: AppRef;
  rest: string;
}

/** The application and the rest of an address below /apps. */
export function parseAppPath(path: string): AppPlace | undefined {
  const [head, cluster, id, ...rest] = segments(path);
  if (head !== 'apps' || cluster === undefined || id === undefined) return undefined;
  const app: AppRef = { cluster: decoded(cluster), id: decoded(id) };
  const first = rest[0];
  if (first !== undefined && !isSection(first)) {
    app.attempt = decoded(first);
    rest.shift();
  }
  return { app, rest: rest.join('/') };
}

/** An address of Spark's History Server: the application, without its cluster, and where in ours it leads. */
export interface SparkPlace {
  id: string;
  attempt?: string | undefined;
  rest: string;
  query: Query;
}

const SPARK_SECTIONS = new Set([
  'jobs', 'stages', 'storage', 'environment', 'executors', 'SQL', 'StreamingQuery', 'streaming', 'connect', 'sqlserver',
]);

/** What /history/<app>[/<attempt>]/… of the History Server means here. */
export function parseSparkPath(path: string, query: URLSearchParams): SparkPlace | undefined {
  const [head, id, ...rest] = segments(path);
  if (head !== 'history' || id === undefined) return undefined;
  let attempt: string | undefined;
  if (rest[0] !== undefined && !SPARK_SECTIONS.has(rest[0])) attempt = decoded(rest.shift() ?? '');
  const [section, page] = rest;
  return { id: decoded(id), attempt, ...sparkPage(section, page, query) };
}

function sparkPage(section: string | undefined, page: string | undefined, query: URLSearchParams): Pick<SparkPlace, 'rest' | 'query'> {
  const id = query.get('id');
  const at = (rest: string, more: Query = {}) => ({ rest, query: more });
  const detail = (name: string) => (id === null ? at(name) : at(`${name}/${encodeURIComponent(id)}`));
  switch (section) {
    case 'jobs':
      return page === 'job' ? detail('jobs') : at('jobs');
    case 'stages':
      if (page === 'stage' && id !== null) return at(`stages/${encodeURIComponent(id)}/${encodeURIComponent(query.get('attempt') ?? '0')}`);
      if (page === 'pool') return at('stages', { pool: query.get('poolname') ?? undefined });
      return at('stages');
    case 'storage':
      return page === 'rdd' ? detail('storage') : at('storage');
    case 'SQL':
      return page === 'execution' ? detail('sql') : at('sql');
    case 'StreamingQuery':
      return page === 'statistics' ? detail('streaming') : at('streaming');
    case 'connect':
      return page === 'session' ? detail('connect') : at('connect');
    case 'executors':
      return at('executors', { executor: query.get('executorId') ?? undefined });
    case 'sqlserver':
      return at('sql');
    case 'streaming':
    case 'environment':
      return at(section);
    default:
      return at('');
  }
}
