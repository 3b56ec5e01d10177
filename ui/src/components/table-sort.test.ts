import { describe, expect, it } from 'vitest';
import { sortRows } from './table-sort';

const columns = [
  { id: 'id', sort: (r: Row) => r.id },
  { id: 'n', sort: (r: Row) => r.n },
  { id: 'server', sort: true as const },
];
interface Row {
  id: string;
  n?: number;
}
const rows: Row[] = [{ id: '10', n: 3 }, { id: '9' }, { id: 'driver', n: -1 }, { id: '1', n: 3 }];
const order = (sort: string) => sortRows(rows, columns, sort).map((r) => r.id);

describe('sorting', () => {
  it('reads numbers in texts as numbers', () => expect(order('id')).toEqual(['1', '9', '10', 'driver']));
  it('puts what is not known last, both ways', () => {
    expect(order('n')).toEqual(['driver', '10', '1', '9']);
    expect(order('-n')).toEqual(['10', '1', 'driver', '9']);
  });
  it('leaves alone what it cannot sort', () => {
    for (const sort of ['', 'server', 'no-such']) expect(order(sort)).toEqual(['10', '9', 'driver', '1']);
  });
  it('does not change what it was given', () => {
    order('id');
    expect(rows[0]?.id).toBe('10');
  });
});
