import { describe, expect, it } from 'vitest';
import type { AtStake, Finding } from '../../api/findings';
import { asConfs, brief, bySeverity, coreTime, grouped, settingsOf, stakes } from './advice';
import { evidenceUrl, placeUrl } from './places';
import { times } from './value';

const app = { cluster: 'east', id: 'application_1_2', attempt: '3' };
const nothing: AtStake = { minutes: null, core_hours: null, gib_hours: null, money: null, currency: null };

const finding = (rule: string, severity: Finding['severity'], advice: Finding['advice'] = [], text = 'application'): Finding => ({
  cluster: 'east', app_id: 'application_1_2', attempt_id: '3', app_name: 'etl', rule, family: 'memory', severity, sure: 'likely',
  summary: rule, where: { kind: 'application', text }, evidence: [], at_stake: nothing, advice,
});
const set = (key: string, suggested: string) => ({ key, current: null, suggested, why: '', min_spark_version: null });

describe('advice of several findings', () => {
  it('has each setting once, as the severest finding wants it', () => {
    const all = [
      finding('a', 'critical', [set('spark.executor.memory', '6g'), { text: 'cache less' }]),
      finding('b', 'info', [set('spark.executor.memory', '2g'), set('spark.executor.extraJavaOptions', '-XX:+UseG1GC -verbose')]),
    ];
    expect(asConfs(settingsOf(all))).toBe("--conf spark.executor.memory=6g \\\n--conf 'spark.executor.extraJavaOptions=-XX:+UseG1GC -verbose'");
    expect(asConfs(settingsOf([]))).toBe('');
  });

  it('counts severities, the severest first', () => {
    expect(bySeverity([finding('a', 'info'), finding('b', 'critical'), finding('c', 'info')])).toEqual([['critical', 1], ['info', 2]]);
  });

  it('puts the same rule elsewhere behind its first', () => {
    const [first, second] = grouped([finding('a', 'warning', [], 'stage 1.0'), finding('b', 'warning'), finding('a', 'warning', [], 'stage 2.0'), finding('a', 'info', [], 'stage 3.0')]);
    expect([first?.first.where.text, first?.others.map((f) => f.where.text), second?.first.rule]).toEqual(['stage 1.0', ['stage 2.0'], 'b']);
  });
});

describe('what is at stake', () => {
  it('is told where it is known', () => {
    expect(stakes(nothing)).toEqual([]);
    expect(stakes({ minutes: 1.5, core_hours: 0.0123456, gib_hours: 0, money: 0.004, currency: 'USD' }).map((s) => s.text)).toEqual(['1 min 30 s', '0.0123 core-h', '<0.01 USD']);
    expect(stakes({ ...nothing, minutes: 1.5 })[0]?.exact).toBe("90,000 ms of the application's duration at most");
  });
  it('has three digits', () => expect([brief(0.0004), brief(1234.5), brief(2)]).toEqual(['<0.001', '1,230', '2']));
  it('has seconds of cores where it is little', () => expect([coreTime(0.0005), coreTime(0.01), coreTime(12)]).toEqual(['1.8 core-s', '0.01 core-h', '12 core-h']));
  it('may be a multiple', () => expect([times(8.24), times(123.4), times(1)]).toEqual(['8.2×', '123×', '1×']));
});

describe('places', () => {
  it('are pages', () => {
    const url = (at: Parameters<typeof placeUrl>[1]) => placeUrl(app, at).replace('/apps/east/application_1_2/3', '');
    expect(url({ kind: 'application', text: '' })).toBe('');
    expect(url({ kind: 'stage', stage: 4, attempt: 1, text: '' })).toBe('/stages/4/1');
    expect(url({ kind: 'node', sql: 7, node: 2, name: 'Scan', text: '' })).toBe('/sql/7?node=2');
    expect(url({ kind: 'executor', executor: '12', text: '' })).toBe('/executors?executor=12');
    expect(url({ kind: 'batch', run: 'r-1', name: 'q', batch: 9, text: '' })).toBe('/streaming/r-1?batch=9');
  });
});

describe('where a number is', () => {
  const spark = (rest: string) => evidenceUrl(app, { path: `/clusters/east/api/v1/applications/application_1_2/3/${rest}` })?.replace('/apps/east/application_1_2/3', '');
  const ours = (rest: string) => evidenceUrl(app, { path: `/api/afterglow/v1/clusters/east/applications/application_1_2/3/${rest}` })?.replace('/apps/east/application_1_2/3', '');
  it('is a page that shows it', () => {
    expect(spark('stages/4/1')).toBe('/stages/4/1');
    expect(spark('stages/4/1/taskList?offset=5&length=1')).toBe('/stages/4/1?view=tasks');
    expect(ours('stages/4/1/tasks?sort=-duration&length=1')).toBe('/stages/4/1?view=tasks&sort=-duration');
    expect(ours('stages/4/1/quantiles')).toBe('/stages/4/1');
    expect(ours('overview')).toBe('');
    expect(ours('sql/7/graph')).toBe('/sql/7');
    expect(spark('sql/7?details=true')).toBe('/sql/7');
    expect(spark('allexecutors')).toBe('/executors');
    expect(ours('streaming/progress?runId=r-1&batch=9')).toBe('/streaming/r-1?batch=9');
    expect(ours('streaming/queries/r-1/series?points=1')).toBe('/streaming/r-1');
    expect(spark('storage/rdd/3')).toBe('/storage/3');
  });
  it('is that of what it was computed from where nothing shows it', () => {
    const computed_from = '/clusters/c/api/v1/applications/a/stages/1/0';
    expect(evidenceUrl({ cluster: 'c', id: 'a' }, { computed_from })).toBe('/apps/c/a/stages/1/0');
  });
  it('is none for what no page shows', () => {
    expect(spark('events')).toBeUndefined();
    expect(evidenceUrl(app, {})).toBeUndefined();
    expect(evidenceUrl(app, { path: '/elsewhere/stages/1/0' })).toBeUndefined();
  });
  it('knows applications without attempts', () => {
    expect(evidenceUrl({ cluster: 'c', id: 'a' }, { path: '/clusters/c/api/v1/applications/a/stages/1/0' })).toBe('/apps/c/a/stages/1/0');
  });
});
