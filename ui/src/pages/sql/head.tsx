import type { SqlExecution } from '../../api/ours';
import { Status } from '../../components/badge';
import { Copy } from '../../components/copy';
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
    <header class="sql-head">
      <div class="sql-title">
        <h2 title={description}>{description || `Execution ${id}`}</h2>
        <Status of={status} />
        <span class="app-facts muted">
          <span>Execution {id}</span>
          {rootId !== id && <span>started by <Link to={appUrl(app, `sql/${rootId}`)}>execution {rootId}</Link></span>}
          <span><Time v={submitTime} /></span>
          <span><Duration v={duration} /></span>
          {run > 0 && <span><Duration v={run} /> run time of tasks</span>}
          <span>{counted(jobs.length, 'job')}</span>
          <span>{counted(ran, 'stage')}{stages.length > ran && `, ${stages.length - ran} skipped`}</span>
        </span>
        <span class="spacer" />
        <Copy text={() => location.href} label="Copy a link to this view" said="Link to this view copied" icon="link" />
      </div>
      {error && (
        <Note tone="fail" title={rootLine(error)}>
          {error.trim().includes('\n') && <LongText text={error} label="the error" lines={1} />}
        </Note>
      )}
    </header>
  );
}
