import { expect } from 'vitest';
import type { JvmPauses, Problems, Source, StreamingRun, StreamingSeries } from '../../src/api/ours';
import type { ConnectOperation, ConnectSession, Environment, Property, Rdd } from '../../src/api/spark';
import { type App, ask, ours, pages, spark } from '../places';
import { answer, down, isNew, sum } from './answers';
import { percent, type Reader } from './reader';

type Values = (number | null)[];
const known = (values: Values | undefined) => (values ?? []).filter((v) => v !== null);
const last = (values: Values) => known(values).at(-1);
const mean = (values: Values) => (known(values).length > 0 ? sum(known(values), (v) => v) / known(values).length : undefined);
const median = (values: Values | undefined) => known(values).sort((a, b) => a - b)[Math.floor(known(values).length / 2)];

export async function streaming(see: Reader, app: App): Promise<number> {
  const runs = await answer<StreamingRun[]>(`${ours(app)}/streaming/queries`);
  if (runs.length === 0) return 0;
  const series = (run: StreamingRun, points: number) => answer<StreamingSeries>(`${ours(app)}/streaming/queries/${run.runId}/series?points=${points}`);
  const state = (r: StreamingRun) => (r.active ? 0 : r.exception ? 1 : 2);
  const order = [...runs].sort((a, b) => state(a) - state(b) || Date.parse(b.startTimestamp) - Date.parse(a.startTimestamp));
  await see.go(`${pages(app)}/streaming?cols=state.name.trend.batch.reports.idle.start.last.runId`);
  await see.table('Streaming queries', await Promise.all(order.map(async (r) => ({
    State: ['Active', 'Failed', 'Finished'][state(r)],
    'Batch duration': r.progressReports === 0 ? 'no report yet' : median((await series(r, 60)).duration.triggerExecution),
    'Last batch': r.lastBatchId,
    Reports: r.progressReports,
    'Idle reports': r.idleReports,
    Started: Date.parse(r.startTimestamp),
    'Last report': Date.parse(r.lastTimestamp),
    'Run id': r.runId,
  }))));
  for (const run of runs.filter((r) => r.progressReports > 0)) {
    const of = await series(run, 1000);
    await see.go(`${pages(app)}/streaming/${run.runId}`);
    await see.says('.query-range .muted', `All ${of.batches.toLocaleString('en-US')} ${of.batches === 1 ? 'batch' : 'batches'}`);
    const durations = known(of.duration.triggerExecution);
    const rate = (values: Values) => (mean(values) === undefined ? {} : mean(values));
    const lags = of.sources.map((s) => last(s.lag)).filter((v) => v !== undefined);
    const stateful = of.operators.length > 0;
    await see.facts('In this range', {
      ...(durations.length > 0 && { 'Batch duration': [median(durations), Math.max(...durations)] }),
      ...(typeof rate(of.inputRate) === 'number' && { 'Input rate': mean(of.inputRate) }),
      ...(typeof rate(of.processedRate) === 'number' && { 'Processed rate': mean(of.processedRate) }),
      ...(last(of.watermarkLag) !== undefined && { 'Watermark lag, last': last(of.watermarkLag) }),
      ...(lags.length > 0 && { 'Source lag, last': sum(lags, (v) => v) }),
      ...(stateful && { 'State rows, last': sum(of.operators, (o) => last(o.rows) ?? 0) }),
      ...(stateful && known(of.operators.flatMap((o) => o.memory)).some((v) => v > 0) && { 'State memory, last': sum(of.operators, (o) => last(o.memory) ?? 0) }),
    });
    // Batches of both APIs: as many progress reports as the series has.
    expect((await answer<unknown[]>(`${ours(app)}/streaming/progress?runId=${run.runId}&length=100000`)).length).toBe(of.batches);
  }
  return runs.length;
}

export async function storage(see: Reader, app: App): Promise<number> {
  const all = await answer<Rdd[]>(`${spark(app)}/storage/rdd`);
  if (all.length === 0) return 0;
  await see.go(`${pages(app)}/storage`);
  await see.facts('Cached data', {
    'RDDs and tables': all.length,
    'In memory': sum(all, (r) => r.memoryUsed),
    'On disk': sum(all, (r) => r.diskUsed),
    Partitions: sum(all, (r) => r.numCachedPartitions),
    'Only partly cached': all.filter((r) => r.numCachedPartitions < r.numPartitions).length,
  });
  const byId = [...all].sort((a, b) => a.id - b.id);
  await see.table('Cached RDDs and tables', byId.map((r) => ({
    Id: String(r.id),
    'Storage level': r.storageLevel,
    Cached: percent(r.numCachedPartitions / r.numPartitions),
    Partitions: [r.numCachedPartitions, r.numPartitions],
    Executors: r.dataDistribution?.length ?? 0,
    'In memory': r.memoryUsed,
    'On disk': r.diskUsed,
  })));
  for (const { id } of byId) {
    const r = await answer<Rdd>(`${spark(app)}/storage/rdd/${id}`);
    await see.go(`${pages(app)}/storage/${id}`);
    await see.facts(`RDD ${id}: ${r.name}`.replace(/\s+/g, ' ').trim(), { 'Storage level': r.storageLevel, 'Cached partitions': [r.numCachedPartitions, r.numPartitions], 'In memory': r.memoryUsed, 'On disk': r.diskUsed });
    const holders = [...(r.dataDistribution ?? [])].sort((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }));
    await see.table('Executors that hold the RDD', holders.map((d) => ({
      Executor: d.address,
      'In memory': d.memoryUsed,
      'On heap': d.onHeapMemoryUsed,
      'Off heap': d.offHeapMemoryUsed,
      'Memory left': [d.memoryRemaining, percent(d.memoryRemaining / (d.memoryUsed + d.memoryRemaining))],
      'On disk': d.diskUsed,
    })));
    const partitions = [...r.partitions].sort((a, b) => a.blockName.localeCompare(b.blockName, 'en', { numeric: true }));
    await see.table('Stored partitions', partitions.map((p) => ({ Block: p.blockName, 'In memory': p.memoryUsed, 'On disk': p.diskUsed, Executors: p.executors.join(', ') })));
  }
  return all.length;
}

const MASK = '*********(redacted)';
const GROUPS: [id: string, title: string, of: (e: Environment) => Property[]][] = [
  ['spark', 'Spark', (e) => e.sparkProperties],
  ['hadoop', 'Hadoop', (e) => e.hadoopProperties],
  ['system', 'System', (e) => e.systemProperties],
  ['metrics', 'Metrics', (e) => e.metricsProperties],
  ['classpath', 'Classpath', (e) => e.classpathEntries],
];

/** Every entry with its value; secrets only masked. How many were masked. */
export async function environment(see: Reader, app: App): Promise<number> {
  const all = await answer<Environment>(`${spark(app)}/environment`);
  let masked = 0;
  for (const [id, title, of] of GROUPS) {
    if (!isNew(id, of(all))) continue;
    const entries = [...new Map(of(all))].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    await see.go(`${pages(app)}/environment?group=${id}`);
    // A value that is the default says so behind it.
    await see.table(`${title} settings`, entries.map(([name, value]) => ({ Name: name, ...(value !== '' && { Value: value }) })));
    const secrets = entries.filter(([, value]) => value.includes(MASK)).length;
    if (secrets === 0) continue;
    await see.go(`${pages(app)}/environment?group=${id}&q=${encodeURIComponent(MASK)}`);
    await see.eventually(() => see.page.evaluate(() => [...document.querySelectorAll('.badge.warn')].filter((b) => b.textContent === 'masked').length), secrets, 'masked');
    masked += secrets;
  }
  return masked;
}

const happened = (ms: number) => (ms > 0 ? ms : undefined);

export async function connect(see: Reader, app: App): Promise<number> {
  const sessions = await answer<ConnectSession[]>(`${spark(app)}/connect/sessions`);
  if (sessions.length === 0) return 0;
  const operations = await answer<ConnectOperation[]>(`${spark(app)}/connect/operations`);
  await see.go(`${pages(app)}/connect`);
  await see.table('Sessions of Spark Connect', down(sessions, (s) => s.startTimestamp).map((s) => ({ Session: s.sessionId, User: s.userId, Started: s.startTimestamp, Closed: happened(s.finishTimestamp), 'Open for': s.totalTime, Operations: s.totalExecution })));
  const rows = (of: ConnectOperation[]) => down(of, (o) => o.startTimestamp).map((o) => ({ User: o.userId, Started: o.startTimestamp, Execution: o.executionTime, 'Until closed': o.duration, SQL: o.sqlExecIds.join(''), Jobs: o.jobIds.join('') }));
  await see.table('Operations of Spark Connect', rows(operations));
  for (const s of sessions) {
    await see.go(`${pages(app)}/connect/${s.sessionId}`);
    await see.facts(`Session ${s.sessionId}`, { User: s.userId, Started: s.startTimestamp, Closed: happened(s.finishTimestamp), 'Open for': s.totalTime, Operations: s.totalExecution });
    const own = operations.filter((o) => o.sessionId === s.sessionId);
    expect(own.length).toBe(s.totalExecution);
    await see.table('Operations of Spark Connect', rows(own));
  }
  return operations.length;
}

export async function sources(see: Reader): Promise<void> {
  const all = await ask<Source[]>('/api/afterglow/v1/sources');
  const { problems, total } = await answer<Problems>('/api/afterglow/v1/sources/problems?length=200');
  await see.go('/sources');
  for (const s of all) await see.facts(s.kind === 'container-logs' ? `${s.cluster}, container logs` : s.cluster, { Logs: s.logs, Objects: s.objects, 'Passed by': s.passedBy });
  expect(total).toBe(problems.length);
  await see.table('Logs with problems', problems.map((p) => ({ Cluster: p.cluster, Log: p.log, 'What is the matter': p.problem })));
}

/** What container logs tell of JVMs; gives for how many containers. */
export async function pauses(see: Reader, app: App): Promise<number> {
  const { total, containers } = await answer<JvmPauses>(`${ours(app)}/pauses?length=1000`);
  if (total === 0) return 0;
  await see.go(`${pages(app)}/executors`);
  await see.table(
    'JVM pauses',
    containers.map((c) => {
      const told = c.pauses ?? c.monitor;
      return {
        Container: c.container,
        Of: c.executor === undefined ? c.role : `executor ${c.executor}`,
        Pauses: told?.count,
        'In all': told?.total,
        Longest: told?.longest,
        Share: percent(c.share),
        'Concurrent cycles': c.concurrentCycles,
      };
    }),
  );
  return total;
}
