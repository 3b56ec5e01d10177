import type { Stage } from '../../api/stages';
import { jobsTimeline } from '../../api/stages';
import { useResource } from '../../api/resource';
import { sparkTime } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { kindOf, Mark } from '../../components/badge';
import { DetailHead } from '../../components/detail-head';
import { Link } from '../../components/link';
import { LongText } from '../../components/long-text';
import { Time } from '../../components/number';
import { appUrl } from '../../core/address';
import { count } from '../../core/format';
import { Failure } from './failure';

/** Which stage this is, why it failed, and what it belongs to. */
export function StageHeader({ stage, attempts }: { stage: Stage; attempts: Stage[] }) {
  return (
    <DetailHead
      title={<>Stage {stage.stageId}{attempts.length > 1 && <span class="muted"> attempt {stage.attemptId}</span>}</>}
      status={stage.status}
      facts={<span class="detail-called clip" title={stage.description ?? stage.name}>{stage.description ?? stage.name}</span>}
    >
      {stage.failureReason !== undefined && <Reason reason={stage.failureReason} attempts={attempts} stage={stage} />}
      <Relations stage={stage} attempts={attempts} />
    </DetailHead>
  );
}

function Reason({ reason, attempts, stage }: { reason: string; attempts: Stage[]; stage: Stage }) {
  const { app } = useApp();
  const later = attempts.find((a) => a.attemptId > stage.attemptId && a.status === 'COMPLETE');
  return (
    <Failure title="Why it failed" text={reason}>
      {later && <p>A later attempt succeeded: <Link to={appUrl(app, `stages/${stage.stageId}/${later.attemptId}`)}>attempt {later.attemptId}</Link>.</p>}
    </Failure>
  );
}

function Relations({ stage, attempts }: { stage: Stage; attempts: Stage[] }) {
  const { app } = useApp();
  return (
    <>
      <div class="detail-relations">
        {attempts.length > 1 && (
          <span>
            Attempts
            <span class="stage-attempts">
              {[...attempts].sort((a, b) => a.attemptId - b.attemptId).map((a) => (
                <a key={a.attemptId} href={appUrl(app, `stages/${a.stageId}/${a.attemptId}`)} aria-current={a.attemptId === stage.attemptId ? 'page' : undefined}>
                  <Mark tone={kindOf(a.status).tone} />
                  {a.attemptId} {kindOf(a.status).word.toLowerCase()}
                </a>
              ))}
            </span>
          </span>
        )}
        <Owners stage={stage} />
        {stage.submissionTime && <span>Submitted <Time v={sparkTime(stage.submissionTime)} /></span>}
        {stage.schedulingPool !== '' && stage.schedulingPool !== 'default' && (
          <span>Pool <Link to={appUrl(app, 'stages', { pool: stage.schedulingPool })}>{stage.schedulingPool}</Link></span>
        )}
        {stage.resourceProfileId > 0 && <span>Resource profile <Link to={appUrl(app, 'environment')}>{count(stage.resourceProfileId)}</Link></span>}
        {stage.details !== '' && (
          <details class="call-stack">
            <summary>{stage.description === undefined ? 'Call stack' : stage.name}</summary>
            <LongText text={stage.details} lines={12} label="the call stack" />
          </details>
        )}
      </div>
    </>
  );
}

/** Its jobs and SQL executions. */
function Owners({ stage }: { stage: Stage }) {
  const { app, live } = useApp();
  const timeline = useResource(jobsTimeline(app), { live });
  const jobs = (timeline.data?.jobs ?? []).filter((j) => j.stages.includes(stage.stageId));
  const sql = [...new Set(jobs.flatMap((j) => (j.sql === undefined ? [] : [j.sql])))];
  return (
    <>
      {jobs.length > 0 && (
        <span>
          {jobs.length === 1 ? 'Job' : 'Jobs'}
          {jobs.slice(0, 8).map((j) => <Link key={j.id} to={appUrl(app, `jobs/${j.id}`)} title={j.description ?? j.name}>{j.id}</Link>)}
          {jobs.length > 8 && <span>and {count(jobs.length - 8)} more</span>}
        </span>
      )}
      {sql.length > 0 && (
        <span>
          SQL
          {sql.slice(0, 8).map((id) => <Link key={id} to={appUrl(app, `sql/${id}`)}>{id}</Link>)}
        </span>
      )}
    </>
  );
}
