import { describe, expect, it } from 'vitest';
import { byArtifact, isOfTheRun, settings, submitText } from './settings';

describe('settings', () => {
  const here: [string, string][] = [['spark.b', '1'], ['spark.a', 'TRUE'], ['spark.secret', '*********(redacted)']];

  it('are rows by name, greyed if set to what they are anyway', () => {
    const rows = settings({ here, defaults: { 'spark.a': 'true', 'spark.z': '7' } });
    expect(rows.map((r) => [r.name, r.isDefault, r.masked])).toEqual([['spark.a', true, false], ['spark.b', false, false], ['spark.secret', false, true]]);
  });
  it('may show what nobody set', () => {
    const rows = settings({ here, defaults: { 'spark.z': '7' }, withUnset: true });
    expect(rows.at(-1)).toEqual({ name: 'spark.z', standard: '7', isDefault: true, masked: false });
  });
  it('are compared with those of another application', () => {
    const there: [string, string][] = [['spark.a', 'TRUE'], ['spark.b', '2'], ['spark.c', '3']];
    expect(settings({ here, there }).map((r) => [r.name, r.difference])).toEqual([
      ['spark.a', 'same'], ['spark.b', 'changed'], ['spark.c', 'onlyThere'], ['spark.secret', 'onlyHere'],
    ]);
  });
  it('of the run itself are told from those of a person', () => {
    for (const name of ['spark.app.id', 'spark.driver.host', 'spark.driver.port', 'spark.app.startTime', 'spark.executor.id']) expect(isOfTheRun(name)).toBe(true);
    for (const name of ['spark.app.name', 'spark.driver.memory', 'spark.executor.instances', 'spark.submit.deployMode']) expect(isOfTheRun(name)).toBe(false);
  });
});

describe('jars', () => {
  it('are compared by artifact', () => {
    const files = ['spark-core_2.12-3.5.9.jar', 'jackson-core-2.15.2.jar', 'RoaringBitmap-0.9.45.jar', 'htrace-core4-4.1.0-incubating.jar', 'conf/', 'job.jar'];
    expect(byArtifact(files.map((f) => [`/opt/spark/jars/${f}`, 'System Classpath'])).map(([name]) => name)).toEqual([
      'spark-core', 'jackson-core', 'RoaringBitmap', 'htrace-core4', '/opt/spark/jars/conf/', '/opt/spark/jars/job.jar',
    ]);
  });
});

describe('arguments for spark-submit', () => {
  it('are quoted for a shell, without secrets and what Spark sets itself', () => {
    const rows = settings({
      here: [
        ['spark.executor.memory', '4g'], ['spark.app.name', "it's me"], ['spark.app.id', 'app-1'], ['spark.hadoop.key', '*********(redacted)'],
        ['spark.driver.extraJavaOptions', '-XX:+IgnoreUnrecognizedVMOptions --add-opens=java.base/java.lang=ALL-UNNAMED'], ['hadoop.tmp', 'x'],
        ['spark.executor.extraJavaOptions', '-XX:+UseG1GC'], ['spark.submit.pyFiles', ''],
      ],
    });
    expect(submitText(rows)).toEqual({
      text: "--conf 'spark.app.name=it'\\''s me' \\\n--conf spark.executor.extraJavaOptions=-XX:+UseG1GC \\\n--conf spark.executor.memory=4g",
      count: 3,
      masked: 1,
    });
  });
});
