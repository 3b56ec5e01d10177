import type { SqlExecution } from '../../api/ours';
import { DetailHead, FactLine } from '../../components/detail-head';
import { Link } from '../../components/link';
import { LongText } from '../../components/long-text';
import { Duration, Time } from '../../components/number';
import { Note } from '../../components/state';
import { rootLine } from './root-line';
import { type AppRef, appUrl } from '../../core/address';
import { counted } from '../../core/format';

/** What it was, how it ended, and how long it took. */
export function Head({ app, of }: { app: AppRef; of: SqlExecution }) {
  const { id, rootId, description, status, error, submitTime, duration, jobs, stages } = of;
  const run = stages.reduce((sum, s) => sum + (s.runTime ?? 0), 0);
  const ran = stages.filter((s) => s.status !== 'SKIPPED').length;
  return (
    <div class="sql-head">
      <DetailHead
        title={<span title={description}>{description || `Execution ${id}`}</span>}
        status={status}
        facts={
          <FactLine>
            <span>Execution {id}</span>
            {rootId !== id && <span>started by <Link to={appUrl(app, `sql/${rootId}`)}>execution {rootId}</Link></span>}
            <span><Time v={submitTime} /></span>
            <span><Duration v={duration} /></span>
            {run > 0 && <span><Duration v={run} /> run time of tasks</span>}
            <span>{counted(jobs.length, 'job')}</span>
            <span>{counted(ran, 'stage')}{stages.length > ran && `, ${stages.length - ran} skipped`}</span>
          </FactLine>
        }
      >
        {error && (
          <Note tone="fail" title={rootLine(error)}>
            {error.trim().includes('\n') && <LongText text={error} label="the error" lines={1} />}
          </Note>
        )}
      </DetailHead>
    </div>
  );
}
