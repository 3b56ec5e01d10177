import { describe, expect, it } from 'vitest';
import { asJson, confs, sets } from './shell';

const all = [['spark.executor.memory', '6g'], ['spark.sql.shuffle.partitions', '400'], ['spark.sql.extensions', 'a.B']] as const;

describe('settings that are copied', () => {
  it('are arguments of spark-submit', () => expect(confs([...all.slice(0, 2)])).toBe('--conf spark.executor.memory=6g \\\n--conf spark.sql.shuffle.partitions=400'));
  it('are statements, where a session may change them', () => expect(sets([...all])).toBe('SET spark.sql.shuffle.partitions=400;'));
  it('are JSON', () => expect(JSON.parse(asJson([...all]))).toEqual(Object.fromEntries(all)));
});
