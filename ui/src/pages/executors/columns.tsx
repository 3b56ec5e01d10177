import { Badge } from '../../components/badge';
import { Meter } from '../../components/bar';
import { Bytes, Count, Duration, Percent, Time } from '../../components/number';
import type { Column } from '../../components/table';
import { bytes, bytesExact } from '../../core/format';
import { Lifetime } from './lifetime';
import { REMOVALS, type Row } from './rows';

/** GC above this share of task time hurts. */
const MUCH_GC = 0.1;

export const columns = (start: number, end: number, live: boolean, open: (id: string) => void): Column<Row>[] => [
  { id: 'id', title: 'Executor', width: 104, pin: true, sort: (r) => r.id, cell: (r) => <button type="button" class="plain-link" onClick={() => open(r.id)}>{r.id}</button> },
  { id: 'host', title: 'Host', width: 110, grow: 1, sort: (r) => r.host, cell: (r) => <span class="clip" title={r.spark.hostPort}>{r.host}</span> },
  { id: 'state', title: 'State', help: 'removal', width: 124, sort: (r) => stateWord(r, live), cell: (r) => <State of={r} live={live} /> },
  { id: 'added', title: 'From start to end', width: 150, grow: 2, sort: (r) => r.added, cell: (r) => <Lifetime of={r} start={start} end={end} /> },
  { id: 'cores', title: 'Cores', width: 62, right: true, down: true, sort: (r) => r.spark.totalCores, cell: (r) => <Count v={r.spark.totalCores} unit="cores" /> },
  { id: 'busy', title: 'Busy', help: 'busy', width: 130, down: true, sort: (r) => r.busy, cell: (r) => r.busy !== undefined && <Meter share={r.busy} tone="--c3"><Percent v={r.busy} /></Meter> },
  { id: 'tasks', title: 'Tasks', width: 66, right: true, down: true, sort: (r) => r.spark.totalTasks, cell: (r) => <Count v={r.spark.totalTasks} unit="tasks" /> },
  { id: 'failed', title: 'Failed', width: 66, right: true, down: true, sort: (r) => r.spark.failedTasks, cell: (r) => <span class={r.spark.failedTasks > 0 ? 'failure-number' : 'muted'}><Count v={r.spark.failedTasks} unit="failed tasks" /></span> },
  { id: 'time', title: 'Task time', width: 92, right: true, down: true, sort: (r) => r.taskTime, cell: (r) => r.taskTime !== undefined && <Duration v={r.taskTime} /> },
  { id: 'gc', title: 'GC', help: 'gcShare', width: 80, right: true, down: true, sort: (r) => r.gcShare, cell: (r) => r.gcShare !== undefined && <span class={r.gcShare > MUCH_GC ? 'failure-number' : ''}><Percent v={r.gcShare} /></span> },
  { id: 'heap', title: 'Peak heap', help: 'peakHeap', width: 146, down: true, sort: (r) => r.peakHeap, cell: (r) => <Against peak={r.peakHeap} limit={r.heapLimit} /> },
  { id: 'rss', title: 'Peak resident', help: 'rss', width: 170, down: true, spare: true, sort: (r) => r.peakRss, cell: (r) => <Against peak={r.peakRss} limit={r.rssLimit} /> },
  { id: 'storage', title: 'Storage memory', help: 'storageMemory', width: 170, down: true, spare: true, sort: (r) => r.spark.memoryUsed, cell: (r) => <Against peak={r.spark.memoryUsed} limit={r.spark.maxMemory} /> },
  { id: 'disk', title: 'Disk', width: 90, right: true, down: true, spare: true, sort: (r) => r.spark.diskUsed, cell: (r) => <Bytes v={r.spark.diskUsed} /> },
  { id: 'input', title: 'Input', width: 82, right: true, down: true, sort: (r) => r.spark.totalInputBytes, cell: (r) => <Bytes v={r.spark.totalInputBytes} /> },
  { id: 'shuffleRead', title: 'Shuffle read', width: 102, right: true, down: true, sort: (r) => r.spark.totalShuffleRead, cell: (r) => <Bytes v={r.spark.totalShuffleRead} /> },
  { id: 'shuffleWrite', title: 'Shuffle write', width: 102, right: true, down: true, sort: (r) => r.spark.totalShuffleWrite, cell: (r) => <Bytes v={r.spark.totalShuffleWrite} /> },
  { id: 'idle', title: 'Idle cores', help: 'idleCores', width: 120, right: true, down: true, spare: true, sort: (r) => r.idle, cell: (r) => r.idle !== undefined && <Duration v={r.idle} /> },
  { id: 'removed', title: 'Removed', width: 158, down: true, spare: true, sort: (r) => r.removed, cell: (r) => r.removed !== undefined && <Time v={r.removed} /> },
  { id: 'profile', title: 'Profile', width: 80, right: true, spare: true, sort: (r) => r.spark.resourceProfileId, cell: (r) => r.spark.resourceProfileId },
];

/** `live`: the application still runs, and so does what was not removed. */
export function stateWord(r: Row, live: boolean): string {
  if (r.removed !== undefined) return REMOVALS[r.span?.class ?? 'other'].word;
  if (r.spark.isExcluded) return 'Excluded';
  return live ? 'Active' : 'To the end';
}

export function State({ of, live }: { of: Row; live: boolean }) {
  const word = stateWord(of, live);
  if (of.removed === undefined) return <Badge tone={of.spark.isExcluded ? 'warn' : live ? 'ok' : 'idle'}>{word}</Badge>;
  return <Badge tone={REMOVALS[of.span?.class ?? 'other'].tone} title={of.spark.removeReason}>{word}</Badge>;
}

/** A peak, and how near it came to its limit. */
export function Against({ peak, limit }: { peak: number | undefined; limit: number | undefined }) {
  if (peak === undefined) return <span class="muted" title="Not logged">–</span>;
  if (limit === undefined || limit <= 0) return <Bytes v={peak} />;
  const tone = peak / limit > 0.95 ? '--c6' : '--c1';
  return (
    <span title={`${bytesExact(peak)} of ${bytesExact(limit)}`}>
      <Meter share={peak / limit} tone={tone}>
        {bytes(peak)}
      </Meter>
    </span>
  );
}
