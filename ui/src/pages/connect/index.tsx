import { useMemo } from 'preact/hooks';
import { useResource } from '../../api/resource';
import { type ConnectOperation, type ConnectSession, connectOperations, connectSessions } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { useCrumbs } from '../../app/breadcrumbs';
import { Badge, Status } from '../../components/badge';
import { Button } from '../../components/button';
import { Link } from '../../components/link';
import { LongText } from '../../components/long-text';
import { Count, Duration, Time } from '../../components/number';
import { Search } from '../../components/search';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { type AppRef, appUrl } from '../../core/address';
import { useParam } from '../../core/router';
import type { PageProps } from '..';
import './connect.css';

/** Spark Connect: clients' sessions and what they asked for. With a session in the address, that one's. */
export default function ConnectPage({ params }: PageProps) {
  const { app, live } = useApp();
  const sessions = useResource(connectSessions(app), { live });
  const operations = useResource(connectOperations(app), { live });
  const { session } = params;
  useCrumbs(1, session === undefined ? [] : [{ text: session }]);
  return (
    <div class="page">
      <Loaded of={sessions}>
        {(all) => {
          if (session === undefined) return <Sessions app={app} all={all} />;
          const one = all.find((s) => s.sessionId === session);
          return one ? <OneSession of={one} /> : <Empty title={`No session ${session}`}>The log does not know it. <Link to={appUrl(app, 'connect')}>All sessions</Link></Empty>;
        }}
      </Loaded>
      <Loaded of={operations}>{(all) => <Operations app={app} all={session === undefined ? all : all.filter((o) => o.sessionId === session)} />}</Loaded>
    </div>
  );
}

/** Spark says 0 for what has not happened. */
const happened = (ms: number): number | undefined => (ms > 0 ? ms : undefined);

const sessionColumns = (app: AppRef): Column<ConnectSession>[] => [
  { id: 'session', title: 'Session', width: 290, grow: 2, pin: true, sort: (s) => s.sessionId, cell: (s) => <Link class="clip" to={appUrl(app, `connect/${encodeURIComponent(s.sessionId)}`)}><code>{s.sessionId}</code></Link> },
  { id: 'user', title: 'User', width: 120, grow: 1, sort: (s) => s.userId, cell: (s) => <span class="clip">{s.userId}</span> },
  { id: 'state', title: 'State', width: 110, sort: (s) => s.finishTimestamp, cell: (s) => <Status of={s.finishTimestamp > 0 ? 'closed' : 'active'} quiet /> },
  { id: 'started', title: 'Started', width: 158, down: true, sort: (s) => s.startTimestamp, cell: (s) => <Time v={s.startTimestamp} /> },
  { id: 'finished', title: 'Closed', width: 158, down: true, sort: (s) => happened(s.finishTimestamp), cell: (s) => <Time v={happened(s.finishTimestamp)} /> },
  { id: 'time', title: 'Open for', width: 110, right: true, down: true, sort: (s) => s.totalTime, cell: (s) => <Duration v={s.totalTime} /> },
  { id: 'operations', title: 'Operations', width: 110, right: true, down: true, sort: (s) => s.totalExecution, cell: (s) => <Count v={s.totalExecution} unit="operations" /> },
];

function Sessions({ app, all }: { app: AppRef; all: ConnectSession[] }) {
  const columns = useMemo(() => sessionColumns(app), [appUrl(app)]);
  return (
    <Section title="Sessions" flush>
      <Table id="connect-sessions" prefix="s." label="Sessions of Spark Connect" columns={columns} rows={all} rowKey={(s) => s.sessionId}
        href={(s) => appUrl(app, `connect/${encodeURIComponent(s.sessionId)}`)} sort="-started" most={360} empty={<Empty title="No client connected" />} />
    </Section>
  );
}

function OneSession({ of }: { of: ConnectSession }) {
  return (
    <Section title={`Session ${of.sessionId}`} actions={<Status of={of.finishTimestamp > 0 ? 'closed' : 'active'} />}>
      <Facts>
        <Fact name="User">{of.userId}</Fact>
        <Fact name="Started"><Time v={of.startTimestamp} /></Fact>
        <Fact name="Closed"><Time v={happened(of.finishTimestamp)} /></Fact>
        <Fact name="Open for"><Duration v={of.totalTime} /></Fact>
        <Fact name="Operations"><Count v={of.totalExecution} unit="operations" /></Fact>
      </Facts>
    </Section>
  );
}

/** Closing is what clients do with every operation; how it ended is in the error. */
const stateOf = (o: ConnectOperation): string => (o.detail && o.state === 'CLOSED' ? 'failed' : o.state);

const operationColumns = (app: AppRef, open: (id: string) => void): Column<ConnectOperation>[] => [
  { id: 'state', title: 'State', width: 116, sort: stateOf, cell: (o) => <Status of={stateOf(o)} quiet /> },
  { id: 'statement', title: 'Statement', width: 260, grow: 3, pin: true, cell: (o) => <button type="button" class="plain-link clip" title={o.statement} onClick={() => open(o.operationId)}><code>{inOneLine(o.statement)}</code></button> },
  { id: 'user', title: 'User', width: 96, sort: (o) => o.userId, cell: (o) => <span class="clip">{o.userId}</span> },
  { id: 'tags', title: 'Tags', width: 90, spare: true, cell: (o) => o.sparkSessionTags.map((t) => <Badge key={t}>{t}</Badge>) },
  { id: 'started', title: 'Started', width: 158, down: true, sort: (o) => o.startTimestamp, cell: (o) => <Time v={o.startTimestamp} /> },
  { id: 'execution', title: 'Execution', width: 100, right: true, down: true, sort: (o) => o.executionTime, cell: (o) => <Duration v={o.executionTime} /> },
  { id: 'duration', title: 'Until closed', width: 110, right: true, down: true, sort: (o) => o.duration, cell: (o) => <Duration v={o.duration} /> },
  { id: 'sql', title: 'SQL', width: 86, cell: (o) => <Ids app={app} of={o.sqlExecIds} section="sql" /> },
  { id: 'jobs', title: 'Jobs', width: 86, cell: (o) => <Ids app={app} of={o.jobIds} section="jobs" /> },
  { id: 'error', title: 'Error', width: 160, grow: 2, cell: (o) => <span class="clip connect-error" title={o.detail}>{o.detail}</span> },
];

const inOneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

function Ids({ app, of, section }: { app: AppRef; of: string[]; section: string }) {
  return (
    <span class="clip connect-ids">
      {of.map((id) => <Link key={id} to={appUrl(app, `${section}/${id}`)}>{id}</Link>)}
    </span>
  );
}

function Operations({ app, all }: { app: AppRef; all: ConnectOperation[] }) {
  const [chosen, choose] = useParam('operation');
  const [q, setQ] = useParam('q');
  const columns = useMemo(() => operationColumns(app, choose), [appUrl(app), choose]);
  const words = q.toLowerCase().split(/\s+/);
  const shown = useMemo(() => all.filter((o) => words.every((w) => `${o.statement} ${o.userId} ${o.state} ${o.detail} ${o.sparkSessionTags.join(' ')}`.toLowerCase().includes(w))), [all, q]);
  const one = all.find((o) => o.operationId === chosen);
  return (
    <>
      {one && (
        <Section title={`Operation ${one.operationId}`} actions={<><Status of={stateOf(one)} /><Button icon="close" quiet label="Close the details" onClick={() => choose(undefined)} /></>}>
          <div class="connect-operation">
            {one.detail && <LongText text={one.detail} label="the error" lines={8} />}
            <LongText text={one.statement} label="the statement" lines={16} />
            <Facts>
              <Fact name="Session"><Link to={appUrl(app, `connect/${encodeURIComponent(one.sessionId)}`)}>{one.sessionId}</Link></Fact>
              <Fact name="Started"><Time v={one.startTimestamp} /></Fact>
              <Fact name="Finished"><Time v={happened(one.finishTimestamp)} /></Fact>
              <Fact name="Closed"><Time v={happened(one.closeTimestamp)} /></Fact>
              <Fact name="Tags">{one.sparkSessionTags.join(', ')}</Fact>
            </Facts>
          </div>
        </Section>
      )}
      <Section title="Operations" flush>
        <Table id="connect-operations" label="Operations of Spark Connect" columns={columns} rows={shown} rowKey={(o) => o.jobTag} sort="-started" most={640}
          rowClass={(o) => (o.operationId === chosen ? 'chosen' : undefined)}
          bar={<Search label="Search statements, users, tags, errors" value={q} onChange={setQ} />}
          empty={<Empty title={q ? 'No operation fits' : 'No operation was run'} />} />
      </Section>
    </>
  );
}
