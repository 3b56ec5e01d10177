import type { Evidence, FoundAt } from '../../api/findings';
import { type AppRef, appUrl } from '../../core/address';
import { decoded } from '../../core/router';

/** Where in these pages a finding and its numbers are. */

/** The page of a place. */
export function placeUrl(app: AppRef, at: FoundAt): string {
  switch (at.kind) {
    case 'application':
      return appUrl(app);
    case 'job':
      return appUrl(app, `jobs/${at.job}`);
    case 'stage':
      return appUrl(app, `stages/${at.stage}/${at.attempt}`);
    case 'sql':
      return appUrl(app, `sql/${at.sql}`);
    case 'node':
      return appUrl(app, `sql/${at.sql}`, { node: String(at.node) });
    case 'executor':
      return appUrl(app, 'executors', { executor: at.executor });
    case 'host':
      return appUrl(app, 'executors', { q: at.host });
    case 'query':
      return appUrl(app, `streaming/${encodeURIComponent(at.run)}`);
    case 'batch':
      return appUrl(app, `streaming/${encodeURIComponent(at.run)}`, { batch: String(at.batch) });
  }
}

const ROOT = /^(?:\/clusters\/[^/]+\/api\/v1|\/api\/afterglow\/v1\/clusters\/[^/]+)\/applications\/[^/]+\/(.*)$/;

/** The page that shows what REST answers there, or what a number was computed from; undefined if none does. */
export function evidenceUrl(app: AppRef, { path: exact, computed_from: basis }: Pick<Evidence, 'path' | 'computed_from'>): string | undefined {
  const path = exact ?? basis;
  const rest = path === undefined ? undefined : ROOT.exec(path)?.[1];
  if (rest === undefined) return undefined;
  const [where = '', search = ''] = rest.split('?');
  const parts = where.split('/').map(decoded);
  if (app.attempt !== undefined && parts[0] === app.attempt) parts.shift();
  const query = new URLSearchParams(search);
  const [section, first, second, view] = parts;
  const number = (text: string | undefined): text is string => text !== undefined && /^\d+$/.test(text);
  switch (section) {
    case 'overview':
    case 'completeness':
    case '':
    case undefined:
      return appUrl(app);
    case 'jobs':
      return appUrl(app, number(first) ? `jobs/${first}` : 'jobs');
    case 'stages':
      if (!number(first)) return appUrl(app, 'stages');
      if (!number(second)) return appUrl(app, `stages/${first}`);
      return appUrl(app, `stages/${first}/${second}`, view === 'tasks' || view === 'taskList' ? { view: 'tasks', ...ofTasks(query) } : {});
    case 'sql':
      return appUrl(app, number(first) ? `sql/${first}` : 'sql');
    case 'executors':
    case 'allexecutors':
    case 'pauses':
      return appUrl(app, 'executors');
    case 'storage':
      return appUrl(app, first === 'rdd' && number(second) ? `storage/${second}` : 'storage');
    case 'environment':
      return appUrl(app, 'environment');
    case 'streaming':
      return streaming(app, first, second, query);
    default:
      return undefined;
  }
}

/** Order and filter of the list of tasks have the same names here. */
function ofTasks(query: URLSearchParams): Record<string, string | undefined> {
  const of = (name: string) => query.get(name) ?? undefined;
  return { sort: of('sort'), status: of('status'), executor: of('executor') };
}

function streaming(app: AppRef, what: string | undefined, id: string | undefined, query: URLSearchParams): string {
  const run = what === 'queries' ? id : (query.get('runId') ?? undefined);
  if (run === undefined) return appUrl(app, 'streaming');
  return appUrl(app, `streaming/${encodeURIComponent(run)}`, { batch: query.get('batch') ?? undefined });
}
