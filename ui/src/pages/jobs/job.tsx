import { useMemo } from 'preact/hooks';
import { type Job, job as jobOf, jobsTimeline, type Stage } from '../../api/stages';
import { useResource } from '../../api/resource';
import { sparkTime } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { useCrumbs } from '../../app/breadcrumbs';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { DetailHead } from '../../components/detail-head';
import { FindingsHere } from '../../components/finding/here';
import { Link } from '../../components/link';
import { Bytes, Count, Duration, Time } from '../../components/number';
import { Progress } from '../../components/progress';
import { Fact, Facts, Section } from '../../components/section';
import { Failed, Loaded, Note, Skeleton } from '../../components/state';
import { Table } from '../../components/table';
import { appUrl } from '../../core/address';
import { count, counted } from '../../core/format';
import { stageColumns, stageUrl } from '../stages/columns';
import { Failure } from '../stages/failure';
import { jobLength } from '../stages/lengths';
import { useSpan } from '../stages/span';
import type { PageProps } from '..';
import { StageGraph } from './stage-graph';
import { lastAttempts, useStagesOf } from './stages-of-job';
import './jobs.css';
import '../stages/stage.css';
import '../stages/stages.css';

/** One job: why it failed, its numbers, and its stages as a graph and a list. */
export default function JobPage({ params }: PageProps) {
  const { app, live } = useApp();
  const id = params.job ?? '';
  const job = useResource(jobOf(app, id), { live });
  useCrumbs(1, [{ text: `Job ${id}` }]);
  return (
    <div class="job-page" key={id}>
      <Loaded of={job}>{(data) => <Shown job={data} />}</Loaded>
    </div>
  );
}

/** Tags by which Spark itself finds the jobs of a session. */
const OF_SPARK = /^spark-(session|connect)-/i;

function Shown({ job }: { job: Job }) {
  const { app, live } = useApp();
  const span = useSpan();
  const running = live && job.status === 'RUNNING';
  const timeline = useResource(jobsTimeline(app), { live: running });
  const ids = useMemo(() => [...job.stageIds].sort((a, b) => a - b), [job.stageIds.join(' ')]);
  const { data: stages, failed, retry } = useStagesOf(app, ids, running);
  const timed = timeline.data?.jobs.find((j) => j.id === job.jobId);
  const columns = useMemo(() => stageColumns(app, stages ?? [], span), [app, stages, running ? span : span.start]);
  const tags = job.jobTags.filter((tag) => !OF_SPARK.test(tag));
  const last = useMemo(() => lastAttempts(stages ?? []), [stages]);
  return (
    <>
      <DetailHead title={`Job ${job.jobId}`} status={job.status} facts={<span class="detail-called clip" title={job.description ?? job.name}>{job.description ?? job.name}</span>}>
        <Reason job={job} stages={stages ?? []} />
        <div class="detail-relations">
          {timed?.sql !== undefined && <span>SQL execution <Link to={appUrl(app, `sql/${timed.sql}`)}>{timed.sql}</Link></span>}
          {job.jobGroup !== undefined && <span>Group <Badge>{job.jobGroup}</Badge></span>}
          {tags.length > 0 && <span>{tags.length === 1 ? 'Tag' : 'Tags'} {tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}</span>}
          {job.description !== undefined && <span>{job.name}</span>}
        </div>
      </DetailHead>
      <FindingsHere about={({ where }) => where.kind === 'job' && where.job === job.jobId} />
      <Section title="Key numbers">
        <Numbers job={job} stages={stages} until={span.end} />
      </Section>
      {timeline.error && !timeline.data ? (
        <Section title="Stages" help="stageGraph"><Failed error={timeline.error} retry={timeline.reload} /></Section>
      ) : timeline.data && timed ? (
        <StageGraph app={app} job={timed} timeline={timeline.data} stages={last} until={span.end} />
      ) : (
        <Section title="Stages" help="stageGraph"><Skeleton height={140} /></Section>
      )}
      <Section title={`Stage attempts${stages ? ` (${count(stages.length)})` : ''}`} flush class="titled-table">
        {failed && (
          <div class="section-body">
            <Note title={stages ? 'Not up to date: the stages could not be fetched' : 'The stages could not be fetched'}><Button icon="refresh" onClick={retry}>Try again</Button></Note>
          </div>
        )}
        {stages ? (
          <Table id="job-stages" label="Stages of the job" columns={columns} rows={stages} rowKey={(s) => `${s.stageId}.${s.attemptId}`} href={(s) => stageUrl(app, s)} rowClass={(s) => (s.status === 'SKIPPED' ? 'skipped' : undefined)} sort="id" most={640} />
        ) : (
          !failed && <div class="section-body"><Skeleton lines={4} /></div>
        )}
      </Section>
    </>
  );
}

/** A job's own reason is not in Spark's REST; that of its failed stages is, and it is the same but for the job's framing. */
function Reason({ job, stages }: { job: Job; stages: Stage[] }) {
  const { app } = useApp();
  const failed = stages.filter((s) => s.failureReason !== undefined && s.status === 'FAILED').sort((a, b) => b.stageId - a.stageId || b.attemptId - a.attemptId);
  if (job.status !== 'FAILED') {
    if (failed.length === 0) return null;
    return <Note title={`${counted(failed.length, 'stage attempt')} failed and ${failed.length === 1 ? 'was' : 'were'} run again`}>The job went on{job.status === 'SUCCEEDED' ? ' and succeeded' : ''}: {failed.map((s) => <Link key={`${s.stageId}.${s.attemptId}`} to={stageUrl(app, s)}>stage {s.stageId}, attempt {s.attemptId}</Link>)}.</Note>;
  }
  const [first] = failed;
  if (!first) return <Note tone="fail" title="It failed">No stage of it says why: it was cancelled before one ran, or the driver ended.</Note>;
  return (
    <Failure
      title={<>Why it failed: <Link to={stageUrl(app, first)}>stage {first.stageId}{first.attemptId > 0 ? `, attempt ${first.attemptId}` : ''}</Link></>}
      text={first.failureReason ?? ''}
    />
  );
}

function Numbers({ job, stages, until }: { job: Job; stages: Stage[] | undefined; until: number | undefined }) {
  const sum = (of: (s: Stage) => number) => (stages ?? []).reduce((all, s) => all + of(s), 0);
  const killed = Object.entries(job.killedTasksSummary);
  return (
    <Facts>
      <Fact name="Duration"><Duration v={jobLength(job, until)} /></Fact>
      <Fact name="Submitted"><Time v={sparkTime(job.submissionTime)} /></Fact>
      <Fact name="Stages"><Progress done={job.numCompletedStages} total={job.stageIds.length - job.numSkippedStages} failed={job.numFailedStages} running={job.numActiveStages} skipped={job.numSkippedStages} unit="stages" /></Fact>
      <Fact name="Tasks"><Progress done={job.numCompletedIndices} total={job.numTasks - job.numSkippedTasks} failed={job.numFailedTasks} killed={job.numKilledTasks} running={job.numActiveTasks} unit="tasks" /></Fact>
      {killed.length > 0 && <Fact name="Killed tasks"><Count v={killed.reduce((all, [, n]) => all + n, 0)} unit="killed task attempts" />{killed.map(([why, n]) => <div key={why} class="fact-more clip" title={why}>{killed.length > 1 && `${count(n)}: `}{why}</div>)}</Fact>}
      {stages && (
        <>
          <Fact name="Run time" help="executorTime"><Duration v={sum((s) => s.executorRunTime)} /></Fact>
          {sum((s) => s.inputBytes) > 0 && <Fact name="Input"><Bytes v={sum((s) => s.inputBytes)} /></Fact>}
          {sum((s) => s.outputBytes) > 0 && <Fact name="Output"><Bytes v={sum((s) => s.outputBytes)} /></Fact>}
          {sum((s) => s.shuffleWriteBytes) > 0 && <Fact name="Shuffle write" help="shuffle"><Bytes v={sum((s) => s.shuffleWriteBytes)} /></Fact>}
          {sum((s) => s.diskBytesSpilled) > 0 && <Fact name="Spill" help="spill"><Bytes v={sum((s) => s.diskBytesSpilled)} /></Fact>}
        </>
      )}
    </Facts>
  );
}
