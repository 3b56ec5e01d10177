import { type Delivery, deliveries, resend } from '../../api/incidents';
import { useResource } from '../../api/resource';
import { Status } from '../../components/badge';
import { Button } from '../../components/button';
import { Count, Time } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { count } from '../../core/format';
import { useAct } from './use-act';

const SHOWN = 200;

/** Messages that were given up, to be sent again. */
export function Deliveries() {
  const dead = useResource(deliveries('dead', 0, SHOWN));
  return (
    <div class="page">
      <Section title={`Given up${dead.data && dead.data.total > 0 ? ` (${count(dead.data.total)})` : ''}`} flush>
        <Loaded of={dead}>
          {(data) => data.deliveries.length === 0 ? <Empty title="Everything was delivered">Messages that no destination took, however often they were sent, would be here.</Empty> : <DeliveryTable all={data.deliveries} reload={dead.reload} />}
        </Loaded>
      </Section>
    </div>
  );
}

export function DeliveryTable({ all, reload }: { all: Delivery[]; reload: () => void }) {
  const { busy, run } = useAct(reload);
  return (
    <PlainTable
      label="Deliveries"
      rows={all}
      rowKey={(d) => d.id}
      columns={[
        { title: 'State', cell: (d) => <Status of={d.state} quiet /> },
        { title: 'Receiver', cell: (d) => d.receiver },
        { title: 'Destination', cell: (d) => d.destination },
        { title: 'Attempts', right: true, cell: (d) => <Count v={d.attempts} unit="attempts" /> },
        { title: 'Sent', cell: (d) => (d.sent_at === null ? '–' : <Time v={d.sent_at} />) },
        { title: 'Next attempt', cell: (d) => (d.next_at === null ? '–' : <Time v={d.next_at} />) },
        { title: 'What went wrong', wide: true, cell: (d) => d.error && <span class="failure-text" title={d.error}>{d.error}</span> },
        { title: 'Act', cell: (d) => d.state === 'dead' && <Button quiet disabled={busy} onClick={() => run(resend(d.id), 'To be sent again')}>Send again</Button> },
      ]}
    />
  );
}
