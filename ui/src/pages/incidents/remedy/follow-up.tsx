import type { FollowUp as Outcome } from '../../../api/remediation';
import { Link } from '../../../components/link';
import { Num, Time } from '../../../components/number';
import { coreTime } from '../../../components/finding/advice';
import { type AppRef, appUrl } from '../../../core/address';
import { duration, percent } from '../../../core/format';
import { Turned } from './turned';

/** How the job did when it ran again, newest first: which run, with what, and what that changed. */
export function FollowUps({ of, app }: { of: Outcome[]; app: AppRef }) {
  return (
    <ol class="incident-events">
      {of.map((o) => (
        <li key={`${o.kind} ${o.before} ${o.after}`}>
          <Time v={o.at} />
          <div>
            <Turned of={o.verdict} /> in <Run id={o.after} app={app} />, after <Run id={o.before} app={app} here={o.before === runOf(app)} />
            <Cost of={o} />
            {o.changed.map((c) => (
              <p key={c.key} class="found-setting">
                <code>{c.key}</code>
                <code class="found-now">{c.before ?? 'not set'}</code>
                <span class="muted" aria-hidden="true">→</span>
                <span class="hidden-visually">to</span>
                <code class="found-then">{c.after ?? 'not set'}</code>
              </p>
            ))}
            {o.changed.length === 0 && <p class="muted">No setting that was advised differs.</p>}
            {o.why !== null && <p class="muted remedy-why">{o.why}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

const runOf = (app: AppRef): string => `${app.id}/${app.attempt ?? '-'}`;

function Run({ id, app, here = false }: { id: string; app: AppRef; here?: boolean }) {
  const cut = id.lastIndexOf('/');
  const [appId, attempt] = [id.slice(0, cut), id.slice(cut + 1)];
  const to = appUrl({ cluster: app.cluster, id: appId, ...(attempt !== '-' && { attempt }) });
  return <><Link to={to} title={id}>{attempt === '-' ? appId : id}</Link>{here && ' (this run)'}</>;
}

/** What is compared are findings of one rule at one kind of place. */
const PLACES: Record<string, string> = { application: 'the application', job: 'jobs', stage: 'stages', sql: 'SQL executions', node: 'operators', executor: 'executors', host: 'hosts', query: 'streaming queries', batch: 'batches' };

function Cost({ of: { cost_before: before, cost_after: after, unit, kind } }: { of: Outcome }) {
  if (before === null || after === null) return null;
  const change = before > 0 ? (after - before) / before : undefined;
  return (
    <p>
      <span class="muted">At stake in {PLACES[kind] ?? 'it'}:</span> <Amount v={before} unit={unit} /> → <Amount v={after} unit={unit} />
      {change !== undefined && change !== 0 && <> ({change > 0 ? '+' : '−'}{percent(Math.abs(change))})</>}
    </p>
  );
}

/** Milliseconds, or cores times milliseconds, for each GiB or million records that was read. */
function Amount({ v, unit }: { v: number; unit: string | null }) {
  const [of, per] = unit?.split('/') ?? [undefined];
  const text = of === 'core-ms' ? coreTime(v / 3_600_000) : duration(v);
  return <Num title={`${v} ${unit ?? 'ms or core-ms; older releases did not note which'}`}>{text}{per !== undefined && ` per ${per} read`}</Num>;
}
