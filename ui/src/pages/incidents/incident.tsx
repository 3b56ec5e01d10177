import { useState } from 'preact/hooks';
import { type Act, addMute, doIncident, incident as incidentOf, type IncidentDetail } from '../../api/incidents';
import { remediationOf } from '../../api/remediation';
import { useResource } from '../../api/resource';
import { useCrumbs } from '../../app/breadcrumbs';
import { Badge, Status } from '../../components/badge';
import { Button } from '../../components/button';
import { DetailHead, FactLine } from '../../components/detail-head';
import { FindingCard } from '../../components/finding/finding';
import { Link } from '../../components/link';
import { Time } from '../../components/number';
import { Fact, Facts, Section } from '../../components/section';
import { Select } from '../../components/select';
import { Empty, Loaded } from '../../components/state';
import { appUrl } from '../../core/address';
import { counted } from '../../core/format';
import type { PageProps } from '..';
import { appOf, Marks } from './columns';
import { DeliveryTable } from './deliveries';
import { Field } from './field';
import { TERMS, until } from './filter';
import { ActionSection } from './remedy/actions';
import { AdviceSection } from './remedy/advice';
import { useAct } from './use-act';
import { useWho, type Who } from './who';
import './incidents.css';

/** One incident: what it is about, who has it, what happened, and who was told. */
export default function IncidentPage({ params }: PageProps) {
  const incident = useResource(incidentOf(params.incident ?? ''), { live: true });
  useCrumbs(0, [{ text: 'Incidents', href: '/incidents' }, { text: params.incident ?? '' }]);
  return (
    <div class="page">
      <h1 class="hidden-visually">Incident {params.incident}</h1>
      <Loaded of={incident}>{(data) => <Shown of={data} reload={incident.reload} />}</Loaded>
    </div>
  );
}

function Shown({ of, reload }: { of: IncidentDetail; reload: () => void }) {
  const app = appOf(of);
  const remediation = useResource(remediationOf(of.id), { live: of.state !== 'resolved' });
  const who = useWho();
  const again = () => {
    reload();
    remediation.reload();
  };
  return (
    <>
      <DetailHead title={<span title={of.summary}>{of.summary}</span>} status={of.state} facts={<Status of={of.severity} />}>
        <FactLine>
          <span>{of.finding ? <Link to={`/rules/${encodeURIComponent(of.rule)}`}>{of.rule}</Link> : of.rule}</span>
          {app && <span><Link to={appUrl(app)} title={app.id}>{of.app_name || app.id}</Link></span>}
          {of.cluster && <span>{of.cluster}</span>}
          <span>seen {counted(of.count, 'time')}</span>
        </FactLine>
        <p class="incident-marks"><Marks of={of} />{of.inhibited_by !== null && <Link to={`/incidents/${of.inhibited_by}`}>incident {of.inhibited_by} explains it</Link>}</p>
      </DetailHead>
      <Actions of={of} who={who} reload={again} />
      {of.finding && app && <Section title="Finding" help="findings" flush><FindingCard app={app} of={of.finding} advice={false} /></Section>}
      <Loaded of={remediation}>
        {(data) => (
          <>
            <AdviceSection incident={of.id} of={data} about={{ app, finding: of.finding }} who={who} reload={again} />
            <ActionSection incident={of.id} of={data.actions} who={who} reload={again} />
          </>
        )}
      </Loaded>
      <div class="columns">
        <Section title="What happened"><Timeline of={of} /></Section>
        <Section title="About it">
          <Facts>
            <Fact name="Started"><Time v={of.started_at} /></Fact>
            <Fact name="Fired">{of.fired_at === null ? null : <Time v={of.fired_at} />}</Fact>
            <Fact name="Last seen"><Time v={of.last_seen_at} /></Fact>
            <Fact name="Resolved">{of.resolved_at === null ? null : <Time v={of.resolved_at} />}</Fact>
          </Facts>
          <Pairs title="Labels" of={of.labels} />
          <Pairs title="Annotations" of={of.annotations} />
        </Section>
      </div>
      <Section title="Who was told" flush>
        {of.deliveries.length === 0 ? <Empty title="Nobody yet">No route leads this incident to a receiver, something keeps it quiet, or its group is still waited for.</Empty> : <DeliveryTable all={of.deliveries} reload={reload} />}
      </Section>
    </>
  );
}

function Pairs({ title, of }: { title: string; of: Record<string, string> }) {
  const all = Object.entries(of);
  if (all.length === 0) return null;
  return (
    <div class="incident-pairs">
      <h3>{title}</h3>
      <p>{all.map(([name, value]) => <Badge key={name} title={`${name}=${value}`}>{name}={value}</Badge>)}</p>
    </div>
  );
}

function Timeline({ of }: { of: IncidentDetail }) {
  return (
    <ol class="incident-events">
      {of.events.map((event, at) => (
        <li key={at}>
          <Time v={event.at} />
          <span><b>{event.kind}</b>{event.by !== null && <> by {event.by}</>}{event.text !== '' && <span class="incident-said">{event.text}</span>}</span>
        </li>
      ))}
    </ol>
  );
}

/** What a person can do about it; all of it under the name that stands here. */
function Actions({ of, who: [who, setWho], reload }: { of: IncidentDetail; who: Who; reload: () => void }) {
  const [text, setText] = useState('');
  const [hours, setHours] = useState('168');
  const { busy, run } = useAct(() => {
    setText('');
    reload();
  });
  const act = (what: Act, said: string) => run(doIncident(of.id, what), said);
  const nameless = who.trim() === '';
  const blocked = busy || nameless;
  const mute = () => run(addMute({ rule: of.rule, app_name: of.app_name ?? '*', until: until(hours, Date.now()), reason: text || `incident ${of.id}`, by: who }), `${of.rule} is muted for ${of.app_name ?? 'all'}`);
  return (
    <Section title="Act">
      <div class="incident-act">
        <Field label="Your name" value={who} set={setWho} required />
        <Field label="Comment, or why" value={text} set={setText} />
        <div class="incident-buttons">
          {of.acknowledged_by === null ? (
            <Button disabled={blocked} onClick={() => act({ act: 'acknowledge', by: who, comment: text }, 'Acknowledged')}>Acknowledge</Button>
          ) : (
            <Button disabled={blocked} onClick={() => act({ act: 'unacknowledge', by: who }, 'No more acknowledged')}>Unacknowledge</Button>
          )}
          {of.assigned_to !== who && <Button disabled={blocked} onClick={() => act({ act: 'assign', to: who, by: who }, `Assigned to ${who}`)}>Assign to me</Button>}
          <Button disabled={blocked || text.trim() === ''} onClick={() => act({ act: 'comment', by: who, text }, 'Comment added')}>Comment</Button>
          {of.state !== 'resolved' && <Button disabled={blocked} onClick={() => act({ act: 'resolve', by: who, comment: text }, 'Resolved')}>Resolve</Button>}
          <span class="incident-mute">
            <Button disabled={blocked || of.muted} onClick={mute} title={`Tell nobody of ${of.rule} in applications named ${of.app_name ?? ''}`}>Mute</Button>
            <Select label="for" value={hours} choose={setHours} options={[...TERMS, { value: '', text: 'ever' }]} />
          </span>
        </div>
        {nameless && <p class="muted">Say who you are: others see who acted.</p>}
      </div>
    </Section>
  );
}
