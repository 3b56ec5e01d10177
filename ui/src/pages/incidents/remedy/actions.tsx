import { useState } from 'preact/hooks';
import { type ActionRun, decide } from '../../../api/remediation';
import { Badge, Status } from '../../../components/badge';
import { Button } from '../../../components/button';
import { LongText } from '../../../components/long-text';
import { Time } from '../../../components/number';
import { Popover } from '../../../components/popover';
import { Section } from '../../../components/section';
import { Field } from '../field';
import { useAct } from '../use-act';
import type { Who } from '../who';
import './remedy.css';

interface Props {
  incident: number;
  of: ActionRun[];
  who: Who;
  reload: () => void;
}

/** What the operator declared that may be done about it, and what became of each. Nothing where nothing is proposed. */
export function ActionSection({ of, ...rest }: Props) {
  if (of.length === 0) return null;
  return (
    <Section title="Actions" help="actions" flush>
      {of.map((run) => <One key={run.id} of={run} {...rest} />)}
    </Section>
  );
}

function One({ of, incident, who, reload }: Omit<Props, 'of'> & { of: ActionRun }) {
  const { declared } = of;
  const dry = declared?.dry_run ?? of.dry_run;
  return (
    <article class="remedy-part" aria-label={of.action}>
      <header class="remedy-head">
        <h3>{of.action}</h3>
        <Status of={of.state} />
        {(of.state === 'proposed' ? dry : of.dry_run) && <Badge title="action.dry_run: everything happens but the request">dry run</Badge>}
        {declared?.automatic && <Badge tone="run" title="action.automatic names this rule: it runs without being approved, within its limit">automatic for this rule</Badge>}
        <span class="spacer" />
        {of.state === 'proposed' && declared && (
          <>
            <Popover label={`Approve ${of.action}`} text="Approve…"><Decide what="approve" of={of} incident={incident} who={who} reload={reload} /></Popover>
            <Popover label={`Refuse ${of.action}`} text="Refuse…" quiet><Decide what="refuse" of={of} incident={incident} who={who} reload={reload} /></Popover>
          </>
        )}
      </header>
      {declared ? (
        <p class="fact-line muted">
          <span>{declared.kind}</span>
          <span>{declared.target}</span>
          <span title="Runs that began within the last hour, of all incidents">{declared.within_hour} of {declared.per_hour} within the hour</span>
        </p>
      ) : (
        <p class="muted">It is not declared any more, so it cannot run: see [[action]].</p>
      )}
      {declared && of.state === 'proposed' && declared.within_hour >= declared.per_hour && (
        <p class="failure-text">It began as often within the hour as it may. Approving is refused until that is past.</p>
      )}
      <div>
        <h4>{of.state === 'proposed' || of.state === 'refused' ? 'What it would send' : of.dry_run ? 'What it would have sent' : 'What it sent'}</h4>
        <LongText text={JSON.stringify(of.request, null, 2)} label={`Request of ${of.action}`} lines={6} />
      </div>
      <Audit of={of} />
    </article>
  );
}

/** Who did what, when, and what answered. */
function Audit({ of }: { of: ActionRun }) {
  return (
    <ol class="incident-events">
      <li><Time v={of.proposed_at} /><span><b>proposed</b> by Afterglow, as declared</span></li>
      {of.decided_at !== null && (
        <li><Time v={of.decided_at} /><span><b>{of.state === 'refused' ? 'refused' : 'approved'}</b> {of.by === 'automatic' ? 'automatically: action.automatic names this rule' : `by ${of.by}`}{of.comment !== null && <span class="incident-said">{of.comment}</span>}</span></li>
      )}
      {of.state === 'running' && <li><span class="muted">now</span><span><b>running</b></span></li>}
      {(of.state === 'done' || of.state === 'failed') && (
        <li>{of.ended_at === null ? <span class="muted">not known when</span> : <Time v={of.ended_at} />}<span><b>{of.state}</b>{of.reply !== null && <span class={of.state === 'failed' ? 'incident-said failure-text' : 'incident-said'}>{of.reply === '' ? 'an empty answer' : of.reply}</span>}</span></li>
      )}
    </ol>
  );
}

/** Says what will happen, and asks who and why. */
function Decide({ what, of, incident, who: [name, setName], reload }: Omit<Props, 'of'> & { what: 'approve' | 'refuse'; of: ActionRun }) {
  const [why, setWhy] = useState('');
  const { busy, run } = useAct(reload);
  const declared = of.declared;
  const dry = declared?.dry_run ?? of.dry_run;
  const send = () => run(decide(incident, of.action, what, name, why), what === 'approve' ? `${of.action} was approved` : `${of.action} was refused`);
  return (
    <form class="remedy-form" onSubmit={(e) => { e.preventDefault(); send(); }}>
      <strong>{what === 'approve' ? `Run ${of.action}?` : `Refuse ${of.action}?`}</strong>
      <p>
        {what === 'refuse' ? 'It will not be proposed again for this incident.'
          : dry ? 'A dry run: nothing is sent, only written down.'
            : <>The request is sent to {declared?.kind} {declared?.target} at once, and cannot be taken back. It runs once.</>}
      </p>
      <Field label="Your name" value={name} set={setName} required />
      <Field label="Why" value={why} set={setWhy} required={what === 'approve'} lines />
      <Button type="submit" disabled={busy || name.trim() === '' || (what === 'approve' && why.trim() === '')}>{what === 'refuse' ? 'Refuse' : dry ? 'Make the dry run' : 'Run it now'}</Button>
    </form>
  );
}
