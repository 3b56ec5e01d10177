import { containerPauses, type ContainerPauses } from '../../api/ours';
import { usePagedList } from '../../api/pages';
import { useApp } from '../../app/app-context';
import { Badge } from '../../components/badge';
import { Count, Duration, Percent } from '../../components/number';
import { Section } from '../../components/section';
import { type Column, Table } from '../../components/table';

/** For how long the JVMs of containers stood still; nothing where no container logs are read. */
export function Pauses() {
  const { app, live } = useApp();
  const list = usePagedList({
    page: (offset, length) => containerPauses(app, offset, length),
    read: (answer) => ({ total: answer.total, rows: answer.containers }),
    live: () => live,
  });
  if (!list.total) return null;
  return (
    <Section title="JVM pauses" help="jvmPauses" flush>
      <Table id="pauses" label="JVM pauses" columns={columns} rows={list} rowKey={(c) => c.container} prefix="pauses" most={420} />
    </Section>
  );
}

/** What the JVM's log does not tell, Hadoop's monitor may. */
const told = (c: ContainerPauses) => c.pauses ?? c.monitor;

const columns: Column<ContainerPauses>[] = [
  { id: 'container', title: 'Container', width: 220, grow: 2, pin: true, cell: (c) => <code class="clip" title={c.container}>{c.container}</code> },
  { id: 'role', title: 'Of', width: 110, cell: (c) => (c.executor !== undefined ? `executor ${c.executor}` : (c.role ?? 'not known')) },
  { id: 'host', title: 'Host', width: 130, grow: 1, spare: true, cell: (c) => <span class="clip" title={c.host}>{c.host}</span> },
  { id: 'collector', title: 'Collector', width: 100, cell: (c) => c.collector ?? (c.monitor && <Badge>monitor</Badge>) },
  { id: 'count', title: 'Pauses', width: 80, right: true, cell: (c) => <Count v={told(c)?.count} unit="pauses" /> },
  { id: 'total', title: 'In all', width: 90, right: true, cell: (c) => <Duration v={told(c)?.total} /> },
  { id: 'longest', title: 'Longest', width: 90, right: true, cell: (c) => <Duration v={told(c)?.longest} /> },
  { id: 'share', title: 'Share', help: 'pauseShare', width: 90, right: true, cell: (c) => <Percent v={c.share} /> },
  { id: 'cycles', title: 'Concurrent cycles', width: 130, right: true, cell: (c) => <Count v={c.concurrentCycles} unit="cycles" /> },
  { id: 'stalls', title: 'Stalls', width: 90, right: true, spare: true, cell: (c) => <Duration v={c.stalls?.total} /> },
  { id: 'warnings', title: 'Warnings', width: 160, grow: 3, cell: (c) => <span class="clip" title={c.warnings.join('\n')}>{c.warnings.join(' ')}</span> },
];
