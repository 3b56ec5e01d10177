import { useMemo } from 'preact/hooks';
import { executorsTimeline } from '../../api/ours';
import { useResource } from '../../api/resource';
import { allExecutors, environment, type Process, processes, sparkTime } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { FindingsHere } from '../../components/finding/here';
import { Count, Duration, Percent, Time } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Search } from '../../components/search';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Failed, Loaded, Skeleton } from '../../components/state';
import { Table } from '../../components/table';
import { useParam, usePlace, withQuery } from '../../core/router';
import { Capacity } from '../overview/capacity';
import { Collection } from './collection';
import { columns, stateWord } from './columns';
import { Details } from './details';
import { Pauses } from './pauses';
import { REMOVALS, type Row, rowsOf, type Summary, summaryOf } from './rows';
import './executors.css';

/** Families of rules whose findings about a whole application are about its executors. */
const OF_EXECUTORS = ['memory', 'resources'];

/** Executors over time, and each of them: when it was there, what it did, why it went. */
export default function ExecutorsPage() {
  const { app, live, overview } = useApp();
  const executors = useResource(allExecutors(app), { live });
  const timeline = useResource(executorsTimeline(app), { live });
  const settings = useResource(environment(app));
  const others = useResource(processes(app), { live });
  const { path, query } = usePlace();
  const [chosen, choose] = useParam('executor');
  const [q, setQ] = useParam('q');

  const rows = useMemo(() => executors.data && rowsOf(executors.data, timeline.data, settings.data), [executors.data, timeline.data, settings.data]);
  const summary = useMemo(() => rows && summaryOf(rows), [rows]);
  const start = timeline.data?.start ?? overview.data?.startTime ?? 0;
  const end = timeline.data?.end ?? 0;
  const shown = useMemo(() => columns(start, end, live, choose), [start, end, live, choose]);
  const row = rows?.find((r) => r.id === chosen);

  return (
    <div class="page">
      <Section title="Summary">{summary ? <Sum of={summary} live={live} /> : <Skeleton lines={2} />}</Section>
      <FindingsHere place about={({ where, family }) => where.kind === 'executor' || where.kind === 'host' || (where.kind === 'application' && OF_EXECUTORS.includes(family))} />
      <div class="executors-over-time">
        <Section title="Cores and running tasks" help="cores">
          <Loaded of={timeline} skeleton={<Skeleton height={200} />}>
            {(data) => (data.series.time.length === 0 ? <Empty title="No executor was logged" /> : <Capacity of={data} height={170} />)}
          </Loaded>
        </Section>
        <Section title="Garbage collection over time" help="gcShare">
          <Loaded of={timeline} skeleton={<Skeleton height={200} />}>{(data) => <Collection of={data} />}</Loaded>
        </Section>
      </div>
      {row && <Details of={row} live={live} close={() => choose(undefined)} />}
      <Section title="Executors" flush>
        {executors.error && !rows ? (
          <Failed error={executors.error} retry={executors.reload} />
        ) : (
          <Loaded of={executors}>
            {() => (
              <Table
                id="executors"
                label="Executors"
                columns={shown}
                rows={(rows ?? []).filter((r) => fits(r, q, live))}
                shows={q}
                rowKey={(r) => r.id}
                href={(r) => withQuery(path, query, { executor: r.id })}
                rowClass={(r) => (r.id === chosen ? 'chosen' : undefined)}
                sort="id"
                most={680}
                bar={<Search label="Search executors, hosts and reasons" value={q} onChange={setQ} />}
                empty={q ? <Empty title="No executor fits"><Button onClick={() => setQ(undefined)}>Show all</Button></Empty> : <Empty title="No executor was logged" />}
              />
            )}
          </Loaded>
        )}
      </Section>
      <Pauses />
      {(others.data?.length ?? 0) > 0 && <Processes all={others.data ?? []} />}
    </div>
  );
}

function fits(r: Row, q: string, live: boolean): boolean {
  const text = `${r.id} ${r.spark.hostPort ?? ''} ${stateWord(r, live)} ${r.spark.removeReason ?? ''}`.toLowerCase();
  return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function Sum({ of, live }: { of: Summary; live: boolean }) {
  return (
    <Facts>
      <Fact name="Executors"><Count v={of.executors} unit="executors" /> <span class="fact-more"><Count v={of.active} /> {live ? 'active' : 'to the end'}</span></Fact>
      <Fact name="Cores of all"><Count v={of.cores} unit="cores" /></Fact>
      <Fact name="Busy" help="busy"><Percent v={of.busy} /></Fact>
      <Fact name="Idle cores" help="idleCores"><Duration v={of.idle} /></Fact>
      <Fact name="Garbage collection" help="gcShare"><Percent v={of.gcShare} /></Fact>
      {of.removals.length > 0 && (
        <Fact name="Removed" help="removal">
          <span class="executor-removals">
            {of.removals.map(([kind, n]) => (
              <Badge key={kind} tone={REMOVALS[kind].tone}><Count v={n} /> {REMOVALS[kind].word.toLowerCase()}</Badge>
            ))}
          </span>
        </Fact>
      )}
    </Facts>
  );
}

function Processes({ all }: { all: Process[] }) {
  return (
    <Section title="Other processes" flush>
      <PlainTable
        label="Other processes"
        rows={all}
        rowKey={(p) => p.id}
        columns={[
          { title: 'Id', cell: (p) => p.id },
          { title: 'Address', wide: true, cell: (p) => p.hostPort },
          { title: 'Cores', right: true, cell: (p) => <Count v={p.totalCores} unit="cores" /> },
          { title: 'Added', cell: (p) => <Time v={sparkTime(p.addTime)} /> },
        ]}
      />
    </Section>
  );
}
