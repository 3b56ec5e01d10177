import type { ComponentType } from 'preact';
import type { Finding } from '../api/findings';
import type { Overview } from '../api/ours';
import { parseAppPath, parseSparkPath } from '../core/address';
import { matchPath } from '../core/router';

/** Every page, its address and its code. Adding a page is a line here; see README.md. */

export interface PageProps {
  /** The named parts of the address. */
  params: Record<string, string>;
}

export interface Page {
  /** `storage/:rdd`; of application pages the part behind application and attempt. */
  path: string;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
  /** Has one table that takes the height of the window; the page itself does not scroll. */
  fill?: boolean;
}

export interface Tab {
  /** The first word of its pages' addresses. */
  section: string;
  title: string;
  /** `g` and this key lead there. */
  key: string;
  /** Shown small beside the title. */
  count?: (overview: Overview, findings: Finding[] | undefined) => number | undefined;
  /** How many of them failed; marks the tab. */
  failed?: (overview: Overview) => number;
  /** How many of them are critical; marks the tab, too. */
  critical?: (findings: Finding[] | undefined) => number;
  /** Not for every application. */
  shown?: (overview: Overview) => boolean;
}

export const fleetPages: Page[] = [
  { path: '', load: () => import('./applications'), fill: true },
  { path: 'incidents', load: () => import('./incidents'), fill: true },
  { path: 'incidents/:incident', load: () => import('./incidents/incident') },
  { path: 'rules', load: () => import('./rules') },
  { path: 'rules/:rule', load: () => import('./rules/rule') },
  { path: 'sources', load: () => import('./sources') },
  { path: 'docs', load: () => import('./docs') },
  { path: 'docs/:page', load: () => import('./docs') },
];

export const fleetTabs: Tab[] = [
  { section: '', title: 'Applications', key: 'a' },
  { section: 'incidents', title: 'Incidents', key: 'i' },
  { section: 'rules', title: 'Rules', key: 'r' },
  { section: 'sources', title: 'Sources', key: 'u' },
  { section: 'docs', title: 'Docs', key: 'd' },
];

export const appPages: Page[] = [
  { path: '', load: () => import('./overview') },
  { path: 'findings', load: () => import('./findings') },
  { path: 'jobs', load: () => import('./jobs'), fill: true },
  { path: 'jobs/:job', load: () => import('./jobs/job') },
  { path: 'stages', load: () => import('./stages'), fill: true },
  { path: 'stages/:stage', load: () => import('./stages/stage'), fill: true },
  { path: 'stages/:stage/:attempt', load: () => import('./stages/stage'), fill: true },
  { path: 'sql', load: () => import('./sql'), fill: true },
  { path: 'sql/:sql', load: () => import('./sql/execution'), fill: true },
  { path: 'executors', load: () => import('./executors') },
  { path: 'streaming', load: () => import('./streaming'), fill: true },
  { path: 'streaming/:run', load: () => import('./streaming/query') },
  { path: 'storage', load: () => import('./storage') },
  { path: 'storage/:rdd', load: () => import('./storage/rdd') },
  { path: 'environment', load: () => import('./environment'), fill: true },
  { path: 'connect', load: () => import('./connect') },
  { path: 'connect/:session', load: () => import('./connect') },
];

/** In the order of the navigation. A tab shows once a page of its section is listed above. */
export const appTabs: Tab[] = [
  { section: '', title: 'Overview', key: 'o' },
  { section: 'findings', title: 'Findings', key: 'f', count: (_, findings) => findings?.length, critical: (findings) => findings?.filter((f) => f.severity === 'critical').length ?? 0 },
  { section: 'jobs', title: 'Jobs', key: 'j', count: (o) => o.counts.jobs, failed: (o) => o.counts.failedJobs },
  { section: 'stages', title: 'Stages', key: 's', count: (o) => o.counts.stages, failed: (o) => o.counts.failedStages },
  { section: 'sql', title: 'SQL', key: 'q', count: (o) => o.counts.sql, failed: (o) => o.counts.failedSql },
  { section: 'executors', title: 'Executors', key: 'e', count: (o) => o.counts.executors || undefined },
  { section: 'streaming', title: 'Streaming', key: 'm', count: (o) => o.counts.queries, shown: (o) => o.counts.queries > 0 },
  { section: 'storage', title: 'Storage', key: 't' },
  { section: 'environment', title: 'Environment', key: 'v' },
  { section: 'connect', title: 'Connect', key: 'c' },
];

export interface Found {
  page: Page;
  params: Record<string, string>;
}

export function findPage(pages: Page[], path: string): Found | undefined {
  for (const page of pages) {
    const params = matchPath(page.path, path);
    if (params) return { page, params };
  }
  return undefined;
}

/** Whether an address of ours has a page. */
export function isPage(path: string): boolean {
  if (parseSparkPath(path, new URLSearchParams())) return true;
  const app = parseAppPath(path);
  return (app ? findPage(appPages, app.rest) : findPage(fleetPages, path)) !== undefined;
}
