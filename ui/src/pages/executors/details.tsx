import { Button } from '../../components/button';
import { LongText } from '../../components/long-text';
import { Bytes, Count, Duration, Percent, Time } from '../../components/number';
import { Fact, Facts, Section } from '../../components/section';
import { count } from '../../core/format';
import { Against, State } from './columns';
import type { Row } from './rows';

/** Everything that is known of one executor. */
export function Details({ of: row, live, close }: { of: Row; live: boolean; close: () => void }) {
  const { spark } = row;
  const peaks = Object.entries(spark.peakMemoryMetrics ?? {}).filter(([, value]) => value > 0);
  const logs = Object.entries(spark.executorLogs);
  const attributes = Object.entries(spark.attributes);
  return (
    <Section title={row.id === 'driver' ? 'Driver' : `Executor ${row.id}`} actions={<><State of={row} live={live} /><Button icon="close" label="Close the details" quiet onClick={close} /></>}>
      {spark.removeReason && <LongText text={spark.removeReason} label="the reason of the removal" />}
      <Facts>
        <Fact name="Address">{spark.hostPort}</Fact>
        <Fact name="Added"><Time v={row.added} /></Fact>
        {row.removed !== undefined && <Fact name="Removed"><Time v={row.removed} /></Fact>}
        <Fact name="Was there for"><Duration v={row.life} /></Fact>
        <Fact name="Cores"><Count v={spark.totalCores} unit="cores" /></Fact>
        <Fact name="Busy" help="busy"><Percent v={row.busy} /></Fact>
        <Fact name="Idle cores" help="idleCores"><Duration v={row.idle} /></Fact>
        <Fact name="Tasks"><Count v={spark.totalTasks} unit="tasks" /></Fact>
        <Fact name="Failed tasks"><Count v={spark.failedTasks} unit="tasks" /></Fact>
        {spark.activeTasks > 0 && <Fact name="Running tasks"><Count v={spark.activeTasks} unit="tasks" /></Fact>}
        <Fact name="Garbage collection" help="gcShare"><Duration v={row.gcTime} /> <span class="muted"><Percent v={row.gcShare} /></span></Fact>
        <Fact name="Peak heap" help="peakHeap"><Against peak={row.peakHeap} limit={row.heapLimit} /></Fact>
        <Fact name="Peak resident" help="rss"><Against peak={row.peakRss} limit={row.rssLimit} /></Fact>
        <Fact name="Storage memory" help="storageMemory"><Against peak={spark.memoryUsed} limit={spark.maxMemory} /></Fact>
        <Fact name="RDD blocks"><Count v={spark.rddBlocks} unit="blocks" /></Fact>
        <Fact name="Resource profile">{spark.resourceProfileId}</Fact>
        {Object.values(spark.resources).map((r) => <Fact key={r.name} name={r.name}>{r.addresses.join(', ')}</Fact>)}
        {spark.excludedInStages.length > 0 && <Fact name="Excluded in stages">{spark.excludedInStages.join(', ')}</Fact>}
      </Facts>
      {peaks.length > 0 && (
        <>
          <h3 class="executor-details-head">Peaks of its metrics</h3>
          <Facts>
            {peaks.map(([name, value]) => (
              <Fact key={name} name={name}>{/Count$/.test(name) ? count(value) : /Time$/.test(name) ? <Duration v={value} /> : <Bytes v={value} />}</Fact>
            ))}
          </Facts>
        </>
      )}
      {(logs.length > 0 || attributes.length > 0) && (
        <>
          <h3 class="executor-details-head">Logs and attributes</h3>
          <Facts>
            {logs.map(([name, url]) => <Fact key={name} name={name}><LogLink url={url} /></Fact>)}
            {attributes.map(([name, value]) => <Fact key={name} name={name}>{value}</Fact>)}
          </Facts>
        </>
      )}
    </Section>
  );
}

/** Only addresses of the web become links: a log may hold anything. */
function LogLink({ url }: { url: string }) {
  if (!/^https?:\/\//i.test(url)) return <code>{url}</code>;
  return <a href={url} target="_blank" rel="noreferrer" title={`${url}\nThe executor's own log, as long as its host keeps it`}>Open</a>;
}
