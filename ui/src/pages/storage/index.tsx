import { useResource } from '../../api/resource';
import { type Rdd, rdds } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { Meter } from '../../components/bar';
import { Link } from '../../components/link';
import { Bytes, Count, Percent } from '../../components/number';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { type AppRef, appUrl } from '../../core/address';
import { StorageOverTime } from './over-time';

/** RDDs and tables that were cached, as they were when the log ended. */
export default function Storage() {
  const { app, live } = useApp();
  const all = useResource(rdds(app), { live });
  return (
    <div class="page">
      <Loaded of={all}>{(data) => (data.length === 0 ? <Nothing /> : <Cached app={app} all={data} />)}</Loaded>
      <StorageOverTime app={app} live={live} nothing={all.data?.length === 0} />
    </div>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing is cached">
      The application cached nothing, removed it again, or did not log it: blocks are in the log only if <code>spark.eventLog.logBlockUpdates.enabled</code> is set.
    </Empty>
  );
}

const columns = (app: AppRef): Column<Rdd>[] => [
  { id: 'id', title: 'Id', width: 64, sort: (r) => r.id, cell: (r) => <Link to={appUrl(app, `storage/${r.id}`)}>{r.id}</Link> },
  { id: 'name', title: 'Name', width: 200, grow: 3, pin: true, sort: (r) => r.name, cell: (r) => <Link class="clip" to={appUrl(app, `storage/${r.id}`)} title={r.name}>{r.name}</Link> },
  { id: 'level', title: 'Storage level', width: 250, grow: 1, sort: (r) => r.storageLevel, cell: (r) => <span class="clip" title={r.storageLevel}>{r.storageLevel}</span> },
  { id: 'cached', title: 'Cached', help: 'cachedFraction', width: 170, down: true, sort: cachedShare, cell: (r) => <Meter share={cachedShare(r)}><Percent v={cachedShare(r)} /></Meter> },
  { id: 'partitions', title: 'Partitions', width: 110, right: true, down: true, sort: (r) => r.numPartitions, cell: (r) => <span><Count v={r.numCachedPartitions} /> <span class="muted">of <Count v={r.numPartitions} unit="partitions" /></span></span> },
  { id: 'executors', title: 'Executors', width: 92, right: true, down: true, sort: (r) => r.dataDistribution?.length ?? 0, cell: (r) => <Count v={r.dataDistribution?.length ?? 0} unit="executors" /> },
  { id: 'memory', title: 'In memory', width: 110, right: true, down: true, sort: (r) => r.memoryUsed, cell: (r) => <Bytes v={r.memoryUsed} /> },
  { id: 'disk', title: 'On disk', width: 110, right: true, down: true, sort: (r) => r.diskUsed, cell: (r) => <Bytes v={r.diskUsed} /> },
];

function cachedShare(r: Rdd): number {
  return r.numPartitions > 0 ? r.numCachedPartitions / r.numPartitions : 0;
}

function Cached({ app, all }: { app: AppRef; all: Rdd[] }) {
  const sum = (of: (r: Rdd) => number) => all.reduce((n, r) => n + of(r), 0);
  const partly = all.filter((r) => r.numCachedPartitions < r.numPartitions).length;
  return (
    <>
      <Section title="Cached data">
        <Facts>
          <Fact name="RDDs and tables"><Count v={all.length} /></Fact>
          <Fact name="In memory"><Bytes v={sum((r) => r.memoryUsed)} /></Fact>
          <Fact name="On disk"><Bytes v={sum((r) => r.diskUsed)} /></Fact>
          <Fact name="Partitions"><Count v={sum((r) => r.numCachedPartitions)} unit="partitions" /></Fact>
          <Fact name="Only partly cached" help="cachedFraction"><Count v={partly} unit="RDDs" /></Fact>
        </Facts>
      </Section>
      <Section title="RDDs and tables" flush>
        <Table id="rdds" label="Cached RDDs and tables" columns={columns(app)} rows={all} rowKey={(r) => String(r.id)} href={(r) => appUrl(app, `storage/${r.id}`)} sort="id" most={640} />
      </Section>
    </>
  );
}
