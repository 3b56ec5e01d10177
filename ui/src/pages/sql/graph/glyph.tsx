import type { Kind } from '../plan/operator';

/** A small sign for the kind of work, in a 16-pixel square. The operator's name stands beside it. */
const DRAWN: Record<Kind | 'stage' | 'branches', string> = {
  scan: 'M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2',
  write: 'M8 2v7.5M4.8 6.8 8 10l3.2-3.2M3 13.5h10',
  join: 'M6 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z',
  exchange: 'M2 4.5h9.5M9 2l2.7 2.5L9 7M14 11.5H4.5M7 9l-2.7 2.5L7 14',
  broadcast: 'M8 6.8a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zM4.7 11.3a4.7 4.7 0 0 1 0-6.6M11.3 4.7a4.7 4.7 0 0 1 0 6.6M2.6 13.4a7.6 7.6 0 0 1 0-10.8M13.4 2.6a7.6 7.6 0 0 1 0 10.8',
  aggregate: 'M12 3H4l4.2 5L4 13h8',
  sort: 'M4.5 3v10M2.3 10.6 4.5 13l2.2-2.4M9 4h5M9 8h3.5M9 12h2',
  window: 'M2.5 3h11v10h-11zM2.5 6.5h11M6 6.5V13',
  filter: 'M2 3h12l-4.6 5.4V13L6.6 11.6V8.4z',
  project: 'M2.5 3.5h11M2.5 8h7M2.5 12.5h9',
  python: 'M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4',
  union: 'M4 2.5V8a4 4 0 0 0 8 0V2.5',
  subquery: 'M2.5 2.5h11v11h-11zM5.5 8h5',
  limit: 'M2.5 3.5h11M2.5 7h11M5 10.5h6M7 13.5h2',
  state: 'M8 2 14 5 8 8 2 5zM2 8l6 3 6-3M2 11l6 3 6-3',
  other: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z',
  stage: 'M3 2.5h10v4H3zM3 9.5h10v4H3zM8 6.5v3',
  branches: 'M3.5 2.5v3L8 9l4.5-3.5v-3M8 2.5v11',
};

export function Glyph({ kind }: { kind: keyof typeof DRAWN }) {
  return (
    <svg class={`glyph glyph-${kind}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={DRAWN[kind]} />
    </svg>
  );
}
