import type { Job, JobsTimeline, JobStatus } from '../../api/stages';
import { fits } from '../stages/list';

/** A job and the SQL execution it belongs to. */
export interface JobRow extends Job {
  sql: number | undefined;
}

export function rowsOf(jobs: readonly Job[], timeline: JobsTimeline | undefined): JobRow[] {
  const sql = new Map((timeline?.jobs ?? []).map((j) => [j.id, j.sql]));
  return jobs.map((j) => ({ ...j, sql: sql.get(j.jobId) }));
}

interface Filter {
  q: string;
  statuses: readonly string[];
}

export function fitsJob(j: JobRow, { q, statuses }: Filter): boolean {
  if (statuses.length > 0 && !statuses.includes(j.status)) return false;
  return fits(q, [String(j.jobId), j.name, j.description, j.jobGroup, ...j.jobTags, j.sql === undefined ? undefined : `sql ${j.sql}`]);
}

export function byStatus(jobs: readonly Job[]): Partial<Record<JobStatus, number>> {
  const counts: Partial<Record<JobStatus, number>> = {};
  for (const { status } of jobs) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
