import { useResource } from '../../api/resource';
import { type Rdd, rdd as rddOf } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { useCrumbs } from '../../app/breadcrumbs';
import { Meter } from '../../components/bar';
import { Bytes, Count, Percent } from '../../components/number';
import { Search } from '../../components/search';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { type Column, Table } from '../../components/table';
import { useParam } from '../../core/router';
import type { PageProps } from '..';

type Holder = NonNullable<Rdd['dataDistribution']>[number];
type Partition = Rdd['partitions'][number];

/** One cached RDD: which executors hold it, and every stored partition. */
export default function RddPage({ params }: PageProps) {
  const { app, live } = useApp();
  const id = params.rdd ?? '';
  const rdd = useResource(rddOf(app, id), { live });
  useCrumbs(1, [{ text: rdd.data?.name || `RDD ${id}` }]);
  return (
    <div class="page">
      <Loaded of={rdd}>{(data) => <Details rdd={data} />}</Loaded>
    </div>
  );
}

function Details({ rdd }: { rdd: Rdd }) {
  return (
    <>
      <Section title={`RDD ${rdd.id}: ${rdd.name}`}>
        <Facts>
          <Fact name="Storage level">{rdd.storageLevel}</Fact>
          <Fact name="Cached partitions" help="cachedFraction"><Count v={rdd.numCachedPartitions} /> of <Count v={rdd.numPartitions} unit="partitions" /></Fact>
          <Fact name="In memory"><Bytes v={rdd.memoryUsed} /></Fact>
          <Fact name="On disk"><Bytes v={rdd.diskUsed} /></Fact>
        </Facts>
      </Section>
      <Section title="By executor" flush>
        <Table id="rdd-executors" prefix="e." label="Executors that hold the RDD" columns={holders} rows={rdd.dataDistribution ?? []} rowKey={(d) => d.address} sort="address" most={320}
          empty={<Empty title="No executor holds a partition">All were evicted, or the executors that held them are gone.</Empty>} />
      </Section>
      <Partitions all={rdd.partitions} />
    </>
  );
}

const holders: Column<Holder>[] = [
  { id: 'address', title: 'Executor', width: 180, grow: 2, pin: true, sort: (d) => d.address, cell: (d) => <span class="clip">{d.address}</span> },
  { id: 'memory', title: 'In memory', width: 110, right: true, down: true, sort: (d) => d.memoryUsed, cell: (d) => <Bytes v={d.memoryUsed} /> },
  { id: 'onHeap', title: 'On heap', width: 110, right: true, down: true, sort: (d) => d.onHeapMemoryUsed, cell: (d) => <Bytes v={d.onHeapMemoryUsed} /> },
  { id: 'offHeap', title: 'Off heap', width: 110, right: true, down: true, sort: (d) => d.offHeapMemoryUsed, cell: (d) => <Bytes v={d.offHeapMemoryUsed} /> },
  { id: 'remaining', title: 'Memory left', help: 'storageMemory', width: 200, grow: 1, down: true, sort: (d) => d.memoryRemaining, cell: (d) => <Meter share={left(d)}><Bytes v={d.memoryRemaining} /> <span class="muted">(<Percent v={left(d)} />)</span></Meter> },
  { id: 'disk', title: 'On disk', width: 110, right: true, down: true, sort: (d) => d.diskUsed, cell: (d) => <Bytes v={d.diskUsed} /> },
];

const left = (d: Holder): number => (d.memoryUsed + d.memoryRemaining > 0 ? d.memoryRemaining / (d.memoryUsed + d.memoryRemaining) : 0);

const columns: Column<Partition>[] = [
  { id: 'block', title: 'Block', width: 130, grow: 1, pin: true, sort: (p) => p.blockName, cell: (p) => <code>{p.blockName}</code> },
  { id: 'level', title: 'Storage level', width: 230, grow: 2, sort: (p) => p.storageLevel, cell: (p) => <span class="clip">{p.storageLevel}</span> },
  { id: 'memory', title: 'In memory', width: 110, right: true, down: true, sort: (p) => p.memoryUsed, cell: (p) => <Bytes v={p.memoryUsed} /> },
  { id: 'disk', title: 'On disk', width: 110, right: true, down: true, sort: (p) => p.diskUsed, cell: (p) => <Bytes v={p.diskUsed} /> },
  { id: 'executors', title: 'Executors', width: 140, grow: 1, sort: (p) => p.executors.join(), cell: (p) => <span class="clip">{p.executors.join(', ')}</span> },
];

function Partitions({ all }: { all: Partition[] }) {
  const [q, setQ] = useParam('q');
  const shown = q === '' ? all : all.filter((p) => p.blockName.includes(q) || p.executors.includes(q));
  return (
    <Section title="Stored partitions" flush>
      <Table id="rdd-partitions" label="Stored partitions" columns={columns} rows={shown} rowKey={(p) => p.blockName} sort="block" most={560}
        bar={<Search label="Search blocks and executors" value={q} onChange={setQ} />}
        empty={<Empty title={q ? 'No partition fits' : 'No partition is stored'} />} />
    </Section>
  );
}
