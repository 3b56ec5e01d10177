import type { Finding } from '../../../api/findings';
import type { SqlExecution } from '../../../api/ours';
import { Mark, kindOf as toneOf } from '../../../components/badge';
import { keyOf } from '../../../components/finding/advice';
import { Help } from '../../../components/help';
import { Icon } from '../../../components/icon';
import { Duration, Percent } from '../../../components/number';
import { counted } from '../../../core/format';
import { usePlace, withQuery } from '../../../core/router';
import { Glyph } from '../graph/glyph';
import type { Told } from '../plan/diff';
import { flags, heat } from '../plan/metric';
import { kindOf, subtitle } from '../plan/operator';
import type { Plan } from '../plan/plan';

interface Props {
  execution: SqlExecution;
  plan: Plan;
  changes: Told[];
  /** What rules found about this execution. */
  findings: Finding[];
  onSelect: (id: number) => void;
  onChange: (told: Told) => void;
}

const HOTTEST = 10;
const FLAGGED = 8;

/** Where the time of the whole plan went, what looks wrong, and what adaptive execution did: while no operator is chosen. */
export function Summary({ execution, plan, changes, findings, onSelect, onChange }: Props) {
  const { path, query } = usePlace();
  const timed = plan.operators.filter((node) => (node.share ?? 0) > 0).sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
  const flagged = [...plan.operators, ...[...plan.clusters.values()].map((c) => c.node)].flatMap((node) => flags(node).map((flag) => ({ node, flag })));
  const run = execution.stages.reduce((sum, stage) => sum + (stage.runTime ?? 0), 0);
  const explained = timed.reduce((sum, node) => sum + (node.share ?? 0), 0);
  return (
    <>
      {findings.length > 0 && (
        <>
          <h3>{counted(findings.length, 'finding')}</h3>
          <ul class="panel-list">
            {findings.slice(0, FLAGGED).map((of) => (
              <li key={keyOf(of)} class="panel-flag">
                <Mark tone={toneOf(of.severity).tone} />
                <a href={withQuery(path, query, { view: 'findings' })}>{of.summary}</a>
              </li>
            ))}
          </ul>
        </>
      )}
      <header class="panel-head"><h2>Where the time went</h2><Help of="operatorTime" /></header>
      {timed.length === 0 ? (
        <p class="muted">{execution.stages.length === 0 ? 'It ran without a stage, so no task reported a time.' : 'No task has reported a time for its operators.'}</p>
      ) : (
        <>
          <ol class="hottest">
            {timed.slice(0, HOTTEST).map((node) => (
              <li key={node.id} class={`heat${heat(node.share)}`}>
                <button type="button" onClick={() => onSelect(node.id)} title={node.description}>
                  <Glyph kind={kindOf(node.name)} />
                  <span class="clip">{node.name} <span class="muted">{subtitle(node)}</span></span>
                  <b><Percent v={node.share} /></b>
                  <span class="share-bar" aria-hidden="true"><span style={{ width: `${Math.min(1, node.share ?? 0) * 100}%` }} /></span>
                </button>
              </li>
            ))}
          </ol>
          <p class="muted panel-note">
            {timed.length > HOTTEST && `${counted(timed.length - HOTTEST, 'more operator')}. `}
            Operators explain <Percent v={Math.min(1, explained)} /> of <Duration v={run} />, the run time of all tasks.
          </p>
        </>
      )}
      {flagged.length > 0 && (
        <>
          <h3>Look at</h3>
          <ul class="panel-list">
            {flagged.slice(0, FLAGGED).map(({ node, flag }) => (
              <li key={`${node.id} ${flag.kind}`} class="panel-flag">
                <Icon name="warning" />
                <span><button type="button" class="plain-link" onClick={() => onSelect(node.id)}>{node.name}</button> {flag.exact}</span>
              </li>
            ))}
            {flagged.length > FLAGGED && <li class="muted">and {flagged.length - FLAGGED} more: sort the operators by what is wrong</li>}
          </ul>
        </>
      )}
      {execution.initial && execution.status !== 'RUNNING' && (
        <>
          <h3>Adaptive execution <Help of="adaptive" /></h3>
          {changes.length === 0 ? (
            <p class="muted">It left the plan as it was.</p>
          ) : (
            <ul class="panel-list">
              {changes.map((told) => (
                <li key={told.text}><button type="button" class="plain-link" onClick={() => onChange(told)}>{told.text}</button></li>
              ))}
            </ul>
          )}
        </>
      )}
    </>
  );
}
