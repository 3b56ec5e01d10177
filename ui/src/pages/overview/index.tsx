import { executorsTimeline, type OtherRun, type Overview, type Used } from '../../api/ours';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Badge, Status } from '../../components/badge';
import { Copy } from '../../components/copy';
import { Link } from '../../components/link';
import { LongText } from '../../components/long-text';
import { Bytes, Count, Duration, Percent, Time } from '../../components/number';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Loaded, Note, Skeleton } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';
import { Capacity } from './capacity';
import { FindingsSection } from './findings';
import { Attempts, PreviousRuns } from './runs';
import { SlowestSql, SlowestStages } from './slowest';
import { WallClock } from './wall-clock';
import './overview.css';

/** What a person wants first: how it ended and why, and where the time went. */
export default function OverviewPage() {
  const { app, overview } = useApp();
  return (
    <div class="page">
      <Loaded of={overview} skeleton={<Waiting />}>
        {(data) => (
          <>
            {data.error && <RootError app={app} error={data.error} />}
            <div class="overview-top">
              <WallClock of={data.wallClock} />
              <About data={data} />
            </div>
            <FindingsSection />
            <div class="columns">
              <CapacitySection />
              <Totals data={data} />
              <SlowestSql app={app} of={data.slowestSql} />
              <SlowestStages app={app} of={data.slowestStages} />
              {data.attempts.length > 1 && <Attempts app={app} of={data.attempts} />}
              <PreviousRuns app={app} overview={data} />
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function RootError({ app, error: { line, text, where } }: { app: AppRef; error: NonNullable<Overview['error']> }) {
  const first = line ?? text.split('\n', 1)[0] ?? '';
  return (
    <Note tone="fail" title={first}>
      <p class="error-where">
        {where.job !== undefined && <Link to={appUrl(app, `jobs/${where.job}`)}>Job {where.job}</Link>}
        {where.stage !== undefined && <Link to={appUrl(app, `stages/${where.stage}/${where.attempt ?? 0}`)}>Stage {where.stage}{where.attempt ? `, attempt ${where.attempt}` : ''}</Link>}
        {where.sql !== undefined && <Link to={appUrl(app, `sql/${where.sql}`)}>SQL {where.sql}</Link>}
      </p>
      {text.trim() !== first && <LongText text={text} label="the error" lines={8} />}
    </Note>
  );
}

function About({ data }: { data: Overview }) {
  const labels = Object.entries(data.labels);
  return (
    <Section title="About this run">
      <Facts>
        <Fact name="Status" {...(data.status === 'lost' && { help: 'lost' })}><Status of={data.status} /></Fact>
        <Fact name="Duration"><Duration v={data.duration} /></Fact>
        <Fact name="User">{data.user}</Fact>
        <Fact name="Cluster">{data.cluster}</Fact>
        <Fact name="Queue">{data.queue}</Fact>
        <Fact name="Spark">{data.sparkVersion}</Fact>
        <Fact name="Started"><Time v={data.startTime} /></Fact>
        {data.endTime !== undefined ? <Fact name="Ended"><Time v={data.endTime} /></Fact> : <Fact name="Last event"><Time v={data.lastEventTime} /></Fact>}
        {data.retryOf && <Fact name="Tries again"><RunLink of={data.retryOf} cluster={data.cluster} /></Fact>}
        {data.retriedBy && <Fact name="Tried again by"><RunLink of={data.retriedBy} cluster={data.cluster} /></Fact>}
        {data.jobRun && <Fact name="EMR job run">{data.jobRun.id} <Copy text={describeJobRun(data.jobRun)} label="Copy the command that describes this job run" /></Fact>}
        <Fact name="Log"><Bytes v={data.logSize} /> <span class="fact-more"><Count v={data.events} unit="events" /> events</span></Fact>
      </Facts>
      {data.uses.length > 0 && (
        <p class="overview-labels" aria-label="What it uses">
          {data.uses.map((u) => <Badge key={`${u.kind} ${u.name} ${u.detail}`} title={`${usedTitle(u)}, by ${u.setting}`}>{u.name}{u.kind === 'catalog' && u.detail ? `: ${u.detail.split(',')[0]}` : ''}</Badge>)}
        </p>
      )}
      {labels.length > 0 && (
        <p class="overview-labels">
          {labels.map(([name, value]) => <Badge key={name}>{name}={value}</Badge>)}
        </p>
      )}
    </Section>
  );
}

function RunLink({ of, cluster }: { of: OtherRun; cluster: string }) {
  return <><Link to={appUrl({ cluster, id: of.id, attempt: of.attemptId })}>{of.id}</Link> <Status of={of.status} quiet /></>;
}

/** What a badge is about, in words. */
function usedTitle({ kind, name, detail }: Used): string {
  return `${KINDS[kind] ?? kind}: ${name}${detail ? ` (${detail})` : ''}`;
}

const KINDS: Record<string, string> = {
  distribution: 'Distribution of Spark',
  'resource-manager': 'Resource manager',
  accelerator: 'Accelerator',
  'table-format': 'Table format',
  catalog: 'Catalog',
  lineage: 'Lineage',
  shuffle: 'Shuffle',
  kafka: 'Kafka security',
};

function describeJobRun({ id, virtualCluster }: NonNullable<Overview['jobRun']>): string {
  return `aws emr-containers describe-job-run --virtual-cluster-id ${virtualCluster ?? 'VIRTUAL_CLUSTER_ID'} --id ${id}`;
}

function CapacitySection() {
  const { app, live } = useApp();
  const timeline = useResource(executorsTimeline(app), { live });
  return (
    <Section title="Executors over time" help="cores" actions={<Link to={appUrl(app, 'executors')}>All executors</Link>}>
      <Loaded of={timeline} skeleton={<Skeleton height={266} />}>
        {(data) => (data.series.time.length === 0 ? <Empty title="No executor was logged" /> : <Capacity of={data} />)}
      </Loaded>
    </Section>
  );
}

function Totals({ data: { totals, counts } }: { data: Overview }) {
  const failed = (n: number) => n > 0 && <span class="fact-more failure-text"><Count v={n} /> failed</span>;
  return (
    <Section title="Totals">
      <Facts>
        <Fact name="Jobs"><Count v={counts.jobs} unit="jobs" /> {failed(counts.failedJobs)}</Fact>
        <Fact name="Stages"><Count v={counts.stages} unit="stages" /> {failed(counts.failedStages)}{counts.skippedStages > 0 && <span class="fact-more"><Count v={counts.skippedStages} /> skipped</span>}</Fact>
        <Fact name="Tasks"><Count v={counts.tasks} unit="tasks" /> {failed(counts.failedTasks)}{counts.killedTasks > 0 && <span class="fact-more"><Count v={counts.killedTasks} /> killed</span>}</Fact>
        <Fact name="SQL executions"><Count v={counts.sql} /> {failed(counts.failedSql)}</Fact>
        <Fact name="Executors"><Count v={counts.executors} unit="executors" /> {counts.executors === 0 && counts.tasks > 0 && <span class="fact-more">the driver ran the tasks</span>}{counts.removedExecutors > 0 && <span class="fact-more"><Count v={counts.removedExecutors} /> removed</span>}</Fact>
        <Fact name="Executor time" help="executorTime"><Duration v={totals.runTime} /></Fact>
        <Fact name="CPU time" help="cpuTime"><Duration v={totals.cpuTime} /> {totals.runTime > 0 && <span class="fact-more"><Percent v={totals.cpuTime / totals.runTime} /></span>}</Fact>
        <Fact name="Garbage collection" help="gc"><Duration v={totals.gcTime} /> {totals.runTime > 0 && <span class="fact-more"><Percent v={totals.gcTime / totals.runTime} /></span>}</Fact>
        <Fact name="Input"><Bytes v={totals.inputBytes} /></Fact>
        <Fact name="Output"><Bytes v={totals.outputBytes} /></Fact>
        <Fact name="Shuffle read" help="shuffle"><Bytes v={totals.shuffleReadBytes} /></Fact>
        <Fact name="Shuffle write" help="shuffle"><Bytes v={totals.shuffleWriteBytes} /></Fact>
        <Fact name="Spilled, in memory" help="spill"><Bytes v={totals.memorySpilled} /></Fact>
        <Fact name="Spilled, on disk" help="spill"><Bytes v={totals.diskSpilled} /></Fact>
      </Facts>
    </Section>
  );
}

function Waiting() {
  return (
    <div class="overview-top">
      <Section title="Where the time went"><Skeleton lines={9} /></Section>
      <Section title="About this run"><Skeleton lines={7} /></Section>
    </div>
  );
}
