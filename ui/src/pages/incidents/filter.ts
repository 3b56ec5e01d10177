import type { IncidentFilter } from '../../api/incidents';

/** The filters of the list of incidents, as the address has them. */

const FILTERS = ['state', 'severity', 'rule', 'cluster', 'app_name', 'q'] as const;

/** Repeated in the address, joined by commas for the server. */
export function filterOf(query: URLSearchParams): IncidentFilter {
  const filter: IncidentFilter = {};
  for (const name of FILTERS) {
    const values = query.getAll(name).map((v) => v.trim()).filter((v) => v !== '');
    if (values.length > 0) filter[name] = values.join(',');
  }
  return filter;
}

export const NO_FILTER: Record<string, undefined> = Object.fromEntries(FILTERS.map((name) => [name, undefined]));

/** The moment so many hours from now; none for ever. */
export function until(hours: string, now: number): number | null {
  const n = Number(hours);
  return hours === '' || !Number.isFinite(n) ? null : now + n * 3_600_000;
}

export const TERMS = [
  { value: '1', text: '1 hour' },
  { value: '8', text: '8 hours' },
  { value: '24', text: '1 day' },
  { value: '168', text: '1 week' },
  { value: '720', text: '30 days' },
];

/** One a line; blank lines are none. */
export const matchersOf = (text: string): string[] => text.split('\n').map((m) => m.trim()).filter((m) => m !== '');
