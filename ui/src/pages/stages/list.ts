import type { Stage, StageStatus } from '../../api/stages';

/** Which stages a list shows. */

interface Filter {
  q: string;
  statuses: readonly string[];
  pool: string;
}

export function fitsStage(s: Stage, { q, statuses, pool }: Filter): boolean {
  if (statuses.length > 0 && !statuses.includes(s.status)) return false;
  if (pool !== '' && s.schedulingPool !== pool) return false;
  return fits(q, [String(s.stageId), s.name, s.description, s.failureReason, s.details]);
}

/** Every word is somewhere in the texts. */
export function fits(q: string, texts: readonly (string | undefined)[]): boolean {
  const words = q.toLowerCase().split(/\s+/).filter((w) => w !== '');
  if (words.length === 0) return true;
  const all = texts.filter((t) => t !== undefined).join('\n').toLowerCase();
  return words.every((word) => all.includes(word));
}

export function byStatus(stages: readonly Stage[]): Partial<Record<StageStatus, number>> {
  const counts: Partial<Record<StageStatus, number>> = {};
  for (const { status } of stages) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
