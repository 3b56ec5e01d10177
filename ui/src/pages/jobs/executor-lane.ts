import type { ExecutorSpan } from '../../api/ours';
import type { Bar, Lane } from '../../components/timeline/lanes';
import { counted } from '../../core/format';

/** Executors that came and went, as a lane above the jobs: often the reason of gaps and of slow stages. */

export interface Change {
  bar: Bar;
  executors: ExecutorSpan[];
}

/** Removals that nobody asked for. */
const BAD = new Set(['nodeLoss', 'outOfMemory', 'heartbeat', 'other']);

/** Changes nearer to each other than `apart` milliseconds are one mark. */
export function changesOf(executors: readonly ExecutorSpan[], apart: number): Change[] {
  const workers = executors.filter((e) => e.id !== 'driver');
  const added = grouped(workers, (e) => e.addTime, apart).map((group): Change => change('added', 0, '--ok', group, (e) => e.addTime));
  const gone = workers.filter((e) => e.removeTime !== undefined);
  const removed = grouped(gone, (e) => e.removeTime ?? 0, apart).map((group): Change => {
    const bad = group.some((e) => BAD.has(e.class ?? 'other'));
    return change('removed', 1, bad ? '--fail' : '--idle', group, (e) => e.removeTime ?? 0);
  });
  return [...added, ...removed];
}

export function executorLane(changes: readonly Change[]): Lane[] {
  if (changes.length === 0) return [];
  return [{ key: 'executors', title: 'Executors', sub: 'added, removed', bars: changes.map((c) => c.bar) }];
}

function change(what: string, level: number, color: string, group: ExecutorSpan[], timeOf: (e: ExecutorSpan) => number): Change {
  const times = group.map(timeOf);
  const start = Math.min(...times);
  return { bar: { key: `${what} ${start}`, level, start, end: Math.max(...times), title: `${counted(group.length, 'executor')} ${what}`, color }, executors: group };
}

function grouped(executors: readonly ExecutorSpan[], timeOf: (e: ExecutorSpan) => number, apart: number): ExecutorSpan[][] {
  const groups: ExecutorSpan[][] = [];
  let last = -Infinity;
  for (const executor of [...executors].sort((a, b) => timeOf(a) - timeOf(b))) {
    const group = groups[groups.length - 1];
    if (group && timeOf(executor) - last <= apart) group.push(executor);
    else groups.push([executor]);
    last = timeOf(executor);
  }
  return groups;
}
