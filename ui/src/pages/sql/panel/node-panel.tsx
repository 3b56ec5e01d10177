import type { SqlExecution, SqlStage } from '../../../api/ours';
import { Badge, Mark, kindOf as statusKind } from '../../../components/badge';
import { Button } from '../../../components/button';
import { Copy } from '../../../components/copy';
import { Icon } from '../../../components/icon';
import { Link } from '../../../components/link';
import { Bytes, Count, Duration, Percent } from '../../../components/number';
import { type AppRef, appUrl } from '../../../core/address';
import { counted } from '../../../core/format';
import { Fact, Facts } from '../../../components/section';
import type { Change } from '../plan/diff';
import { flags, heat, metricOf, rowsOut } from '../plan/metric';
import { kindOf, plain } from '../plan/operator';
import { clusterTime, type Plan, spent } from '../plan/plan';
import type { PlanText } from '../plan/plan-text';
import { Glyph } from '../graph/glyph';
import { Metrics } from './metrics';

interface Props {
  app: AppRef;
  execution: SqlExecution;
  plan: Plan;
  id: number;
  /** Against the other plan, if there is one. */
  change: Change | undefined;
  other: Plan | undefined;
  initial: boolean;
  text: PlanText;
  onSelect: (id: number | undefined) => void;
  onOther: (id: number) => void;
  onText: () => void;
}

/** All that is known of one operator. */
export function NodePanel({ app, execution, plan, id, change, other, initial, text, onSelect, onOther, onText }: Props) {
  const node = plan.byId.get(id);
  if (!node) return null;
  const cluster = plan.clusters.get(id);
  const inside = plan.clusters.get(node.cluster ?? NaN);
  const { time, share } = cluster ? clusterTime(plan, cluster) : spent(node);
  const stages = execution.stages.filter((s) => node.stages?.includes(s.stage) && s.status !== 'SKIPPED');
  const rows = cluster ? undefined : rowsOut(plan, id);
  const inputs = plan.inputs(id);
  const rowsIn = inputs.map((one) => rowsOut(plan, one));
  const memory = metricOf(node, 'peak memory');
  const section = text.section.get(id);

  return (
    <>
      <header class="panel-head">
        <Glyph kind={cluster ? 'stage' : kindOf(node.name)} />
        <h2>{node.name}</h2>
        <Button icon="close" quiet label="Close the details (Escape)" onClick={() => onSelect(undefined)} />
      </header>
      {share !== undefined && (
        <p class={`panel-share heat${heat(share)}`}>
          <b><Percent v={share} /></b> of the run time, <Duration v={time} />
          <span class="share-bar" aria-hidden="true"><span style={{ width: `${Math.min(1, share) * 100}%` }} /></span>
        </p>
      )}
      {flags(node).map((flag) => <p key={flag.kind} class="panel-flag"><Icon name="warning" /><span>{flag.kind === 'spill' ? 'Spilled' : 'Uneven tasks'}: {flag.exact.replace(/^spill size: /, '')}</span></p>)}
      {change && <Changed change={change} other={other} initial={initial} onOther={onOther} />}
      <Facts>
        <Fact name="Rows out">{rows === undefined ? null : <Count v={rows} unit="rows" />}</Fact>
        <Fact name="Rows in">{rowsIn.length === 0 || rowsIn.some((n) => n === undefined) ? null : <span>{rowsIn.map((n, at) => <>{at > 0 && ' + '}<Count v={n} unit="rows" /></>)}</span>}</Fact>
        <Fact name="Peak memory">{memory?.value === undefined ? null : <Bytes v={memory.value} />}</Fact>
        <Fact name="Compiled into">{inside ? <button type="button" class="plain-link" onClick={() => onSelect(inside.node.id)}>{inside.node.name}</button> : null}</Fact>
      </Facts>
      {stages.length > 0 && <Stages app={app} of={stages} />}
      {cluster ? (
        <Neighbours title="Operators" ids={cluster.members} plan={plan} onSelect={onSelect} />
      ) : (
        <>
          <Neighbours title="Reads from" ids={inputs} plan={plan} onSelect={onSelect} />
          <Neighbours title="Read by" ids={plan.consumers(id)} plan={plan} onSelect={onSelect} />
        </>
      )}
      <h3>Metrics</h3>
      {initial ? <p class="muted">This plan did not run as it is. The final plan has the metrics.</p> : <Metrics app={app} of={node.metrics ?? []} />}
      {!cluster && (
        <>
          <h3>
            Description
            <Copy text={node.description} label="Copy the description" />
          </h3>
          <pre class="panel-text" tabIndex={0} role="region" aria-label="Description">{plain(node.description)}</pre>
          {section && (
            <>
              <h3>In the text plan <Button quiet onClick={onText}>Show it there</Button></h3>
              <pre class="panel-text" tabIndex={0} role="region" aria-label="In the text plan">{text.lines.slice(...section).join('\n')}</pre>
            </>
          )}
        </>
      )}
      {Object.keys(node.metadata ?? {}).length > 0 && (
        <>
          <h3>Metadata</h3>
          <dl class="panel-meta">
            {Object.entries(node.metadata ?? {}).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
          </dl>
        </>
      )}
    </>
  );
}

function Changed({ change, other, initial, onOther }: { change: Change; other: Plan | undefined; initial: boolean; onOther: (id: number) => void }) {
  const name = 'with' in change ? other?.byId.get(change.with)?.name : undefined;
  if (change.kind === 'same' || !other) return null;
  return (
    <p>
      <Badge tone={change.kind === 'removed' ? 'fail' : change.kind === 'added' ? 'ok' : 'run'}>{change.kind}</Badge>{' '}
      {change.kind === 'added' && 'Adaptive execution added it.'}
      {change.kind === 'removed' && 'Adaptive execution removed it.'}
      {change.kind === 'changed' && (
        <>
          {initial ? 'Became ' : 'Was '}
          <button type="button" class="plain-link" onClick={() => onOther(change.with)}>{name}</button>
          {initial ? ' in the final plan.' : ' in the initial plan.'}
        </>
      )}
    </p>
  );
}

function Stages({ app, of }: { app: AppRef; of: SqlStage[] }) {
  return (
    <>
      <h3>Stages it ran in</h3>
      <ul class="panel-list">
        {of.map((s) => (
          <li key={`${s.stage}.${s.attempt}`}>
            <Mark tone={statusKind(s.status).tone} />
            <Link to={appUrl(app, `stages/${s.stage}/${s.attempt}`)}>Stage {s.stage}{s.attempt > 0 ? `, attempt ${s.attempt}` : ''}</Link>
            <span class="muted">{counted(s.tasks, 'task')}, <Duration v={s.runTime} /> of run time</span>
          </li>
        ))}
      </ul>
    </>
  );
}

const NEIGHBOURS = 12;

function Neighbours({ title, ids, plan, onSelect }: { title: string; ids: readonly number[]; plan: Plan; onSelect: (id: number) => void }) {
  if (ids.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="panel-list">
        {ids.slice(0, NEIGHBOURS).map((id) => {
          const node = plan.byId.get(id);
          return node && (
            <li key={id}>
              <Glyph kind={kindOf(node.name)} />
              <button type="button" class="plain-link" onClick={() => onSelect(id)}>{node.name}</button>
              {node.share !== undefined && <span class="muted"><Percent v={node.share} /></span>}
            </li>
          );
        })}
        {ids.length > NEIGHBOURS && <li class="muted">and {ids.length - NEIGHBOURS} more</li>}
      </ul>
    </>
  );
}
