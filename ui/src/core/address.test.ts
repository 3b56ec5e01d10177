import { describe, expect, it } from 'vitest';
import { appUrl, parseAppPath, parseSparkPath } from './address';
import { matchPath, withQuery } from './router';

describe('addresses of applications', () => {
  it('name cluster, application, attempt and page', () => {
    expect(appUrl({ cluster: 'a b', id: 'app-1' }, 'jobs')).toBe('/apps/a%20b/app-1/jobs');
    expect(appUrl({ cluster: 'c', id: 'app-1', attempt: '2' }, 'sql/3', { node: '7' })).toBe('/apps/c/app-1/2/sql/3?node=7');
  });
  it('are read back', () => {
    for (const app of [{ cluster: 'ü/x', id: 'app 1' }, { cluster: 'c', id: 'application_1_2', attempt: '1' }])
      for (const rest of ['', 'stages/3/0', 'environment'])
        expect(parseAppPath(appUrl(app, rest))).toEqual({ app, rest });
    expect(parseAppPath('/sources')).toBeUndefined();
  });
});

describe("addresses of Spark's History Server", () => {
  const lead = (url: string) => {
    const { pathname, searchParams } = new URL(url, 'http://h');
    const found = parseSparkPath(pathname, searchParams);
    return found && [found.id, found.attempt, withQuery(found.rest, new URLSearchParams(), found.query)];
  };
  it.each([
    ['/history/app-1/jobs/', 'app-1', undefined, 'jobs'],
    ['/history/app-1', 'app-1', undefined, ''],
    ['/history/application_1_2/1/jobs/job/?id=4', 'application_1_2', '1', 'jobs/4'],
    ['/history/app-1/stages/stage/?id=3&attempt=1', 'app-1', undefined, 'stages/3/1'],
    ['/history/app-1/stages/pool?poolname=fair', 'app-1', undefined, 'stages?pool=fair'],
    ['/history/app-1/storage/rdd/?id=9', 'app-1', undefined, 'storage/9'],
    ['/history/app-1/2/SQL/execution/?id=0', 'app-1', '2', 'sql/0'],
    ['/history/app-1/StreamingQuery/statistics?id=aa-bb', 'app-1', undefined, 'streaming/aa-bb'],
    ['/history/app-1/connect/session/?id=s', 'app-1', undefined, 'connect/s'],
    ['/history/app-1/executors/threadDump/?executorId=1', 'app-1', undefined, 'executors?executor=1'],
    ['/history/app-1/environment/', 'app-1', undefined, 'environment'],
  ])('%s', (url, id, attempt, rest) => expect(lead(url)).toEqual([id, attempt, rest]));
});

describe('patterns', () => {
  it('name parts of a path', () => {
    expect(matchPath('stages/:stage/:attempt', 'stages/3/0')).toEqual({ stage: '3', attempt: '0' });
    expect(matchPath('stages', 'stages/3')).toBeUndefined();
    expect(matchPath('', '')).toEqual({});
  });
});
