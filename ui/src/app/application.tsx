import { useEffect, useMemo } from 'preact/hooks';
import { findings as findingsOf } from '../api/findings';
import { completeness, overview as overviewOf, type Overview } from '../api/ours';
import { LIVE_MS, useResource } from '../api/resource';
import { connectSessions, logsUrl } from '../api/spark';
import { Mark, Status } from '../components/badge';
import { Copy } from '../components/copy';
import { FactLine } from '../components/detail-head';
import { Icon } from '../components/icon';
import { Duration, Time } from '../components/number';
import { Tabs } from '../components/tabs';
import { type AppPlace, type AppRef, appUrl } from '../core/address';
import { useNow } from '../core/clock';
import { count } from '../core/format';
import { navigate } from '../core/router';
import { useShortcuts } from '../core/shortcuts';
import { appPages, appTabs, findPage, type Tab } from '../pages';
import { AppContext, type AppState } from './app-context';
import { useCrumbs } from './breadcrumbs';
import { CompletenessNote } from './completeness-note';
import { LazyPage } from './lazy-page';
import { Missing } from './missing';
import { NotFound } from './not-found';
import './application.css';

/** The frame of an application's pages: whose they are, and the way between them. */
export function Application({ place: { app, rest } }: { place: AppPlace }) {
  const overview = useResource(overviewOf(app), { live: (o) => o.status === 'running' });
  const data = overview.data;
  const live = data?.status === 'running';
  const findings = useResource(data && findingsOf(app), { live });
  const state = useMemo<AppState>(() => ({ app, overview, live, findings }), [appUrl(app), overview.data, overview.error, overview.loading, findings.data, findings.error, findings.loading]);
  const found = findPage(appPages, rest);
  const section = rest.split('/')[0] ?? '';
  const tabs = useTabs(app, data);
  const tab = appTabs.find((one) => one.section === section);

  useEffect(() => {
    document.documentElement.toggleAttribute('data-fill', found?.page.fill ?? false);
  }, [found?.page]);
  useShortcuts(tabs.map((one) => ({ keys: `g ${one.key}`, does: `Go to ${one.title}`, run: () => navigate(appUrl(app, one.section)) })));
  useCrumbs(0, [
    { text: app.cluster, href: `/?cluster=${encodeURIComponent(app.cluster)}` },
    { text: data?.name || app.id, href: appUrl(app) },
    ...(tab && section !== '' ? [{ text: tab.title, href: appUrl(app, section) }] : []),
  ]);

  if (overview.error && !data) return <Missing place={{ app, rest }} error={overview.error} retry={overview.reload} />;
  return (
    <AppContext.Provider value={state}>
      <div class="app-head">
        <AppTitle app={app} data={data} />
        <Tabs
          label="Application"
          shown={section}
          tabs={tabs.map((one) => ({ id: one.section, title: one.title, href: appUrl(app, one.section), count: data && one.count?.(data, findings.data), mark: data && <><FailedMark n={one.failed?.(data) ?? 0} word="failed" /><FailedMark n={one.critical?.(findings.data) ?? 0} word="critical" /></> }))}
        />
      </div>
      <Incomplete app={app} live={live} />
      {found ? <LazyPage key={appUrl(app)} found={found} /> : <NotFound />}
    </AppContext.Provider>
  );
}

function AppTitle({ app, data }: { app: AppRef; data: Overview | undefined }) {
  return (
    <div class="app-title">
      <div class="app-who">
        <h1 class="clip" title={data?.name}>{data?.name ?? app.id}</h1>
        {data && <Status of={data.status} />}
        <span class="app-id">
          <code>{app.id}</code>
          <Copy text={app.id} label="Copy the application's id" />
        </span>
        {data && (
          <FactLine>
            {app.attempt !== undefined && <span>attempt {app.attempt}</span>}
            <span>Spark {data.sparkVersion}</span>
            <span>{data.user}</span>
            <span><Time v={data.startTime} /></span>
            <span><Duration v={data.duration} /></span>
            {data.status !== 'completed' && data.status !== 'failed' && <LastEvent at={data.lastEventTime} />}
          </FactLine>
        )}
      </div>
      <a class="button app-download" href={logsUrl(app)} download title="The event log as the cluster wrote it, zipped; not redacted">
        <Icon name="download" /> Log
      </a>
    </div>
  );
}

/** How old the newest event is: what is shown is no newer. */
function LastEvent({ at }: { at: number }) {
  const now = useNow(LIVE_MS);
  return <span>last event <Time v={at} now={now} /></span>;
}

function FailedMark({ n, word }: { n: number; word: string }) {
  return n === 0 ? null : <span class="tab-failed" title={`${count(n)} ${word}`}><Mark tone="fail" /><span class="hidden-visually">{count(n)} {word}</span></span>;
}

/** The tabs that this application has. */
function useTabs(app: AppRef, data: Overview | undefined): Tab[] {
  const sessions = useResource(data && connectSessions(app, { length: 1 }));
  const hasConnect = (sessions.data?.length ?? 0) > 0;
  return appTabs.filter((tab) => {
    if (!appPages.some((page) => page.path.split('/')[0] === tab.section)) return false;
    if (tab.section === 'connect') return hasConnect;
    return tab.shown === undefined || (data !== undefined && tab.shown(data));
  });
}

function Incomplete({ app, live }: { app: AppRef; live: boolean }) {
  const note = useResource(completeness(app), { live });
  return note.data ? <CompletenessNote note={note.data} running={live} /> : null;
}
