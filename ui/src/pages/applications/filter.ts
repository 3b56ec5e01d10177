import { type ApplicationFilter, type Facet, FACETS } from '../../api/ours';

/** The filters of the list of applications, as the address has them. */

const HOUR = 3_600_000;

export const RANGES: Record<string, { title: string; ms: number }> = {
  '1h': { title: 'Last hour', ms: HOUR },
  '24h': { title: 'Last 24 hours', ms: 24 * HOUR },
  '7d': { title: 'Last 7 days', ms: 7 * 24 * HOUR },
  '30d': { title: 'Last 30 days', ms: 30 * 24 * HOUR },
};

export const FACET_TITLES: Record<Facet, string> = {
  status: 'Status',
  findings: 'Severest finding',
  cluster: 'Cluster',
  user: 'User',
  queue: 'Queue',
  version: 'Spark version',
  label: 'Label',
};

/** `now` is what ranges like the last hour are counted from, to the minute: so that equal views ask equal questions. */
export function filterOf(query: URLSearchParams, now: number): ApplicationFilter {
  const filter: ApplicationFilter = { q: query.get('q')?.trim() || undefined };
  for (const facet of FACETS) {
    const chosen = query.getAll(facet);
    if (chosen.length > 0) filter[facet] = chosen;
  }
  const range = RANGES[query.get('range') ?? ''];
  if (range) filter.from = Math.floor(now / 60_000) * 60_000 - range.ms;
  else {
    filter.from = number(query.get('from'));
    filter.to = number(query.get('to'));
  }
  return filter;
}

function number(text: string | null): number | undefined {
  const n = Number(text);
  return text !== null && text !== '' && Number.isFinite(n) ? n : undefined;
}

/** How many filters there are beside the search. */
export function filterCount(query: URLSearchParams): number {
  const chosen = FACETS.reduce((n, facet) => n + query.getAll(facet).length, 0);
  return chosen + (query.get('range') || query.get('from') || query.get('to') ? 1 : 0);
}

/** The patch of the query string that removes every filter. */
export const NO_FILTER: Record<string, undefined> = Object.fromEntries(
  [...FACETS, 'q', 'range', 'from', 'to'].map((name) => [name, undefined]),
);

/** `2026-11-21T03:20`, as fields for local time have it. */
export function localField(ms: number | undefined): string {
  if (ms === undefined) return '';
  const d = new Date(ms);
  return new Date(ms - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromLocalField(text: string): string | undefined {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : String(ms);
}
