interface Sortable<R> {
  id: string;
  sort?: true | ((row: R) => number | string | undefined);
}

/** The rows of a table that has them all, in the order of a column; `-` before its id for downwards. */
export function sortRows<R>(rows: R[], columns: Sortable<R>[], sort: string): R[] {
  const id = sort.replace(/^-/, '');
  const by = columns.find((c) => c.id === id)?.sort;
  if (typeof by !== 'function') return rows;
  const sign = sort.startsWith('-') ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: by(row) }));
  keyed.sort((a, b) => {
    if (a.key === b.key) return 0;
    // What is not known comes last, whichever way.
    if (a.key === undefined) return 1;
    if (b.key === undefined) return -1;
    if (typeof a.key === 'string' && typeof b.key === 'string') return sign * a.key.localeCompare(b.key, 'en', { numeric: true });
    return sign * (a.key < b.key ? -1 : 1);
  });
  return keyed.map(({ row }) => row);
}
