import type { Overview } from '../../api/ours';
import { Status } from '../../components/badge';
import { Meter } from '../../components/bar';
import { Link } from '../../components/link';
import { Duration, Time } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Empty } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';
import { percent } from '../../core/format';

export function Attempts({ app, of }: { app: AppRef; of: Overview['attempts'] }) {
  return (
    <Section title="Attempts" flush>
      <PlainTable
        label="Attempts"
        rows={of}
        rowKey={(a) => a.attemptId}
        columns={[
          { title: 'Attempt', wide: true, cell: (a) => (a.attemptId === app.attempt ? <>{a.attemptId} <span class="muted">(this one)</span></> : <Link to={appUrl({ ...app, attempt: a.attemptId })}>{a.attemptId}</Link>) },
          { title: 'Status', cell: (a) => <Status of={a.status} quiet /> },
          { title: 'Started', cell: (a) => <Time v={a.startTime} /> },
          { title: 'Duration', right: true, cell: (a) => <Duration v={a.duration} /> },
        ]}
      />
    </Section>
  );
}

export function PreviousRuns({ app, overview }: { app: AppRef; overview: Overview }) {
  const runs = overview.previousRuns;
  const longest = Math.max(overview.duration, ...runs.map((r) => r.duration));
  return (
    <Section title="Previous runs" flush>
      {runs.length === 0 ? (
        <Empty title="No previous run">
          {overview.user} ran nothing of this name on {overview.cluster} before.
        </Empty>
      ) : (
        <PlainTable
          label="Previous runs of the same name and user"
          rows={runs}
          rowKey={(r) => `${r.id} ${r.attemptId ?? ''}`}
          columns={[
            { title: 'Started', cell: (r) => <Link to={appUrl({ cluster: app.cluster, id: r.id, attempt: r.attemptId })}><Time v={r.startTime} /></Link> },
            { title: 'Status', cell: (r) => <Status of={r.status} quiet /> },
            { title: 'Duration', right: true, cell: (r) => <Duration v={r.duration} /> },
            { title: 'Against this run', cell: (r) => <Meter share={r.duration / longest}><Change from={r.duration} to={overview.duration} /></Meter> },
            { title: 'Settings', right: true, wide: true, cell: (r) => <Link to={appUrl(app, 'environment', { with: [app.cluster, r.id, ...(r.attemptId ? [r.attemptId] : [])].join('/') })}>Compare</Link> },
          ]}
        />
      )}
    </Section>
  );
}

/** How much longer this run took than that one. */
function Change({ from, to }: { from: number; to: number }) {
  if (from <= 0) return null;
  const change = to / from - 1;
  if (Math.abs(change) < 0.005) return <span class="muted">the same</span>;
  return <span class="muted nowrap">this {percent(Math.abs(change))} {change > 0 ? 'slower' : 'faster'}</span>;
}
