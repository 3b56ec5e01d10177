import type { StreamingRun } from '../../api/ours';

export interface RunRow {
  run: StreamingRun;
  state: 'active' | 'failed' | 'finished';
  start: number | undefined;
  last: number | undefined;
  /** Which run of the same query, and of how many: a restart goes on where the one before ended. */
  nth: number;
  of: number;
}

/** Runs: those that are active, then those that failed, newest first. */
export function runRows(runs: StreamingRun[]): RunRow[] {
  const byQuery = new Map<string, StreamingRun[]>();
  for (const run of [...runs].sort((a, b) => a.startTimestamp.localeCompare(b.startTimestamp))) {
    const list = byQuery.get(run.id);
    if (list) list.push(run);
    else byQuery.set(run.id, [run]);
  }
  const rows = runs.map((run): RunRow => {
    const all = byQuery.get(run.id) ?? [];
    return { run, state: stateOf(run), start: when(run.startTimestamp), last: when(run.lastTimestamp), nth: all.indexOf(run) + 1, of: all.length };
  });
  return rows.sort((a, b) => RANK[a.state] - RANK[b.state] || (b.start ?? 0) - (a.start ?? 0));
}

export const RANK = { active: 0, failed: 1, finished: 2 } as const;

export function stateOf(run: StreamingRun): RunRow['state'] {
  if (run.active) return 'active';
  return run.exception ? 'failed' : 'finished';
}

export const titleOf = (run: { name?: string; runId: string }): string => run.name ?? `Query ${run.runId.slice(0, 8)}`;

function when(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
