import { type Indexer, indexers as indexersOf, type Problem, problems as problemsOf, type Source, sources as sourcesOf } from '../../api/ours';
import { usePagedList } from '../../api/pages';
import { LIVE_MS, useResource } from '../../api/resource';
import { useCrumbs } from '../../app/breadcrumbs';
import { Badge, Mark, type Tone } from '../../components/badge';
import { Copy } from '../../components/copy';
import { Link } from '../../components/link';
import { Count, Time } from '../../components/number';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { appUrl } from '../../core/address';
import { useNow } from '../../core/clock';
import { counted } from '../../core/format';
import { healthOf } from './health';
import './sources.css';

/** Where logs come from: whether they can be read, and what to do if not. */
export default function Sources() {
  useCrumbs(0, [{ text: 'Sources' }]);
  const sources = useResource(sourcesOf(), { live: true });
  const now = useNow(LIVE_MS);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Sources</h1>
        <p class="muted">Where the clusters write their logs, and how reading them goes.</p>
        <Indexers />
      </div>
      <Loaded of={sources}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No source is set up">
              Start Afterglow with <code>--logs cluster=s3://bucket/spark-events/</code>, or name sources in its settings file.
            </Empty>
          ) : (
            <div class="sources">
              {byUrgency(all, now).map((source) => (
                <SourceCard key={`${source.cluster} ${source.url} ${source.kind}`} source={source} now={now} />
              ))}
            </div>
          )
        }
      </Loaded>
      <Problems />
    </div>
  );
}

/** Who shares the work, where it is more than one. */
function Indexers() {
  const { data } = useResource(indexersOf(), { live: true });
  if (data === undefined || data.length < 2) return null;
  return <p class="muted">{data.length} processes share the reading: {data.map(named).join(', ')}.</p>;
}

const named = (i: Indexer): string => `${i.role} on ${i.host} (pid ${i.pid})`;

const ORDER: Tone[] = ['fail', 'warn', 'run', 'idle', 'ok'];

/** What needs somebody comes first. */
function byUrgency(all: Source[], now: number): Source[] {
  const urgency = (s: Source) => ORDER.indexOf(healthOf(s, now).tone);
  return [...all].sort((a, b) => urgency(a) - urgency(b));
}

function SourceCard({ source, now }: { source: Source; now: number }) {
  const health = healthOf(source, now);
  return (
    <Section
      class={`source ${health.tone}`}
      title={<a href={`/?cluster=${encodeURIComponent(source.cluster)}`}>{source.cluster}{source.kind === 'container-logs' && ', container logs'}</a>}
      actions={<span class={`status ${health.tone}`}><Mark tone={health.tone} />{health.word}</span>}
    >
      <p class="source-url">
        <code class="clip" title={source.url}>{source.url}</code>
        <Copy text={source.url} label="Copy the address" />
      </p>
      {health.text && <p class={`source-text ${health.tone}`}>{health.text}</p>}
      <Facts>
        <Fact name="Last listed" help="lag">{source.lastSuccess === undefined ? 'never' : <Time v={source.lastSuccess} now={now} />}</Fact>
        {source.problem !== undefined && <Fact name="Last tried"><Time v={source.lastScan} now={now} /></Fact>}
        <Fact name="Logs"><Count v={source.logs} unit="logs" /></Fact>
        <Fact name="Objects"><Count v={source.objects} unit="objects" /></Fact>
        <Fact name="Passed by" help="passedBy"><Count v={source.passedBy} unit="objects that are no logs" /></Fact>
      </Facts>
    </Section>
  );
}

/** The application that a log tells of, as far as it could be read. */
const urlOf = (p: Problem): string | undefined =>
  p.appId === null ? undefined : appUrl({ cluster: p.cluster, id: p.appId, ...(p.attemptId !== null && { attempt: p.attemptId }) });

const columns: Column<Problem>[] = [
  { id: 'cluster', title: 'Cluster', width: 110, grow: 0.5, cell: (p) => <Badge>{p.cluster}</Badge> },
  {
    id: 'log', title: 'Log', width: 260, grow: 2,
    cell: (p) => {
      const log = <code class="clip" title={`${p.source}/${p.log}`}>{p.log}</code>;
      const url = urlOf(p);
      return url === undefined ? log : <Link class="clip" to={url} title={`What could be read of ${p.log}`}>{log}</Link>;
    },
  },
  { id: 'problem', title: 'What is the matter', width: 300, grow: 3, cell: (p) => <span class="clip" title={p.problem}>{p.problem}</span> },
];

function Problems() {
  const list = usePagedList({ page: problemsOf, read: (answer) => ({ total: answer.total, rows: answer.problems }), live: () => true });
  return (
    <Section title={list.total ? `${counted(list.total, 'log')} with problems` : 'Logs with problems'} flush>
      <Table
        id="problems"
        label="Logs with problems"
        columns={columns}
        rows={list}
        rowKey={(p) => `${p.cluster} ${p.source} ${p.log} ${p.problem}`}
        empty={<Empty title="No log has problems">Damaged and unreadable logs are listed here; what can be read of them is served anyway.</Empty>}
        most={560}
      />
    </Section>
  );
}
