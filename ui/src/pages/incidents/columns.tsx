import type { Incident } from '../../api/incidents';
import { Badge, Status } from '../../components/badge';
import { Link } from '../../components/link';
import { Count, Time } from '../../components/number';
import type { Column } from '../../components/table';
import { appUrl } from '../../core/address';

/** The application that an incident is about; none of one that came from elsewhere. */
export function appOf(i: Incident): { cluster: string; id: string; attempt?: string } | undefined {
  if (!i.cluster || !i.app_id) return undefined;
  return { cluster: i.cluster, id: i.app_id, ...(i.attempt_id && { attempt: i.attempt_id }) };
}

/** Who has it, and what keeps it quiet. */
export function Marks({ of }: { of: Incident }) {
  return (
    <>
      {of.acknowledged_by && <Badge tone="run" title={`Acknowledged by ${of.acknowledged_by}`}>acknowledged</Badge>}
      {of.assigned_to && <Badge title="Assigned to">{of.assigned_to}</Badge>}
      {of.muted && <Badge title="This rule is muted for this application">muted</Badge>}
      {of.silenced && <Badge title="A silence covers its labels">silenced</Badge>}
      {of.inhibited_by !== null && <Badge title={`Incident ${of.inhibited_by} explains it`}>inhibited</Badge>}
    </>
  );
}

export const columns: Column<Incident>[] = [
  { id: 'state', title: 'State', width: 104, cell: (i) => <Status of={i.state} quiet /> },
  { id: 'severity', title: 'Severity', width: 104, cell: (i) => <Status of={i.severity} quiet /> },
  { id: 'summary', title: 'What', width: 240, grow: 4, pin: true, cell: (i) => <a class="clip" href={`/incidents/${i.id}`} title={i.summary}>{i.summary}</a> },
  { id: 'rule', title: 'Rule', width: 140, grow: 0.6, cell: (i) => <span class="clip" title={i.rule}>{i.rule}</span> },
  {
    id: 'app', title: 'Application', width: 130, grow: 1,
    cell: (i) => {
      const app = appOf(i);
      return app ? <Link class="clip" to={appUrl(app)} title={`${i.app_name ?? ''}\n${app.id}`}>{i.app_name || app.id}</Link> : <span class="muted">–</span>;
    },
  },
  { id: 'cluster', title: 'Cluster', width: 90, grow: 0.3, cell: (i) => <span class="clip">{i.cluster ?? ''}</span> },
  { id: 'marks', title: 'Who and why quiet', width: 170, grow: 0.6, cell: (i) => <Marks of={i} /> },
  { id: 'count', title: 'Times', width: 68, right: true, cell: (i) => <Count v={i.count} unit="times seen" /> },
  { id: 'started', title: 'Started', width: 152, cell: (i) => <Time v={i.started_at} /> },
  { id: 'seen', title: 'Last seen', width: 152, cell: (i) => <Time v={i.last_seen_at} /> },
  { id: 'resolved', title: 'Resolved', width: 152, spare: true, cell: (i) => i.resolved_at !== null && <Time v={i.resolved_at} /> },
];
