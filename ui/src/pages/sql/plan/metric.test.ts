import { describe, expect, test } from 'vitest';
import type { PlanNode, SqlMetric } from '../../../api/ours';
import { flags, headlines, heat, metricText, rowsOut } from './metric';
import { kindOf, subtitle } from './operator';
import { planOf } from './plan';

const node = (name: string, metrics: SqlMetric[] = []): PlanNode => ({ id: 0, name, description: name, metrics });

describe('metrics of operators', () => {
  test('have the unit of their kind', () => {
    expect(metricText('size', 1280)).toBe('1.25 KiB');
    expect(metricText('timing', 1112)).toBe('1.11 s');
    expect(metricText('nsTiming', 12_000_000)).toBe('12 ms');
    expect(metricText('sum', 400000)).toBe('400,000');
    expect(metricText('average', 1.3)).toBe('1.3');
  });

  test('rows are those of the input where none are counted and none get lost', () => {
    const nodes = [node('Project'), node('Exchange', [{ name: 'shuffle records written', type: 'sum', value: 40 }]), node('HashAggregate'), node('Scan', [{ name: 'number of output rows', type: 'sum', value: 99 }])];
    const plan = planOf({ nodes: nodes.map((n, id) => ({ ...n, id })), edges: [1, 2, 3].map((from) => ({ from, to: from - 1 })) });
    expect([0, 1, 2, 3].map((id) => rowsOut(plan, id))).toEqual([40, 40, undefined, 99]);
  });

  test('a card tells rows and what matters for its kind', () => {
    const scan = node('Scan parquet', [
      { name: 'number of output rows', type: 'sum', value: 1 },
      { name: 'size of files read', type: 'size', value: 2048 },
      { name: 'number of files read', type: 'sum', value: 3 },
    ]);
    expect(headlines(scan).map((fact) => fact.text)).toEqual(['1 row', '2.00 KiB']);
  });

  test('spill is told from a size on that costs something', () => {
    const spill = (value: number) => flags(node('Sort', [{ name: 'spill size', type: 'size', value }])).map((flag) => flag.text);
    expect(spill(65_536)).toEqual([]);
    expect(spill(5 * 1024 ** 2)).toEqual(['spill 5.00 MiB']);
  });

  test('uneven tasks are told where the slowest took long and the median did not', () => {
    const of = (median: number, max: number) => flags(node('Sort', [{ name: 'sort time', type: 'timing', value: 1, min: 0, median, max }])).map((flag) => flag.text);
    expect(of(2, 12)).toEqual([]);
    expect(of(500, 1500)).toEqual([]);
    expect(of(500, 10_000)).toEqual(['uneven 20×']);
    expect(of(0, 10_000)).toEqual(['uneven one task']);
  });

  test('heat goes in steps', () => {
    expect([undefined, 0.009, 0.01, 0.2, 0.9].map(heat)).toEqual([0, 0, 1, 3, 5]);
  });
});

describe('operators', () => {
  test('are of a kind by name', () => {
    const kinds = { BatchScan: 'scan', BatchEvalPython: 'python', BroadcastExchange: 'broadcast', BroadcastHashJoin: 'join', AQEShuffleRead: 'exchange', SortAggregate: 'aggregate', StateStoreSave: 'state', TakeOrderedAndProject: 'limit', 'Execute InsertIntoHadoopFsRelationCommand': 'write', Photon: 'other' };
    expect(Object.fromEntries(Object.keys(kinds).map((name) => [name, kindOf(name)]))).toEqual(kinds);
  });

  test('say what they work on without ids that mean nothing to readers', () => {
    const of = (name: string, description: string) => subtitle({ name, description });
    expect(of('Exchange', 'Exchange hashpartitioning(cust#2L, 8), ENSURE_REQUIREMENTS, [plan_id=266]')).toBe('hashpartitioning(cust, 8)');
    expect(of('HashAggregate', 'HashAggregate(keys=[region#9L], functions=[avg(price#4)])')).toBe('keys=[region], functions=[avg(price)]');
    expect(of('Scan parquet', 'FileScan parquet [id#1L] Batched: true, Location: InMemoryFileIndex(1 paths)[file:/warehouse/db/sales/orders], PartitionFilters: []')).toBe('…/sales/orders');
    expect(of('Project', 'Project [price#4, region#9L]')).toBe('price, region');
  });
});
