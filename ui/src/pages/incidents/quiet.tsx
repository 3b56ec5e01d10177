import { useState } from 'preact/hooks';
import { addMute, addSilence, mutes, removeMute, removeSilence, silences } from '../../api/incidents';
import { useResource } from '../../api/resource';
import { Button } from '../../components/button';
import { Time } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Select } from '../../components/select';
import { Empty, Loaded } from '../../components/state';
import { Field } from './field';
import { matchersOf, TERMS, until } from './filter';
import { useAct } from './use-act';
import { useWho } from './who';

/** What nobody is told of: rules muted for applications, and labels silenced for a time. */
export function Quiet() {
  return (
    <div class="page">
      <Mutes />
      <Silences />
    </div>
  );
}

function Mutes() {
  const all = useResource(mutes());
  const { busy, run } = useAct(all.reload);
  const [who, setWho] = useWho();
  const [form, set] = useState({ rule: '', app_name: '', reason: '', hours: '168' });
  const add = () => run(addMute({ rule: form.rule, app_name: form.app_name, reason: form.reason, until: until(form.hours, Date.now()), by: who }), 'Muted');
  return (
    <Section title="Mutes" help="mutes" flush>
      <Loaded of={all}>
        {(data) => data.length === 0 ? <Empty title="Nothing is muted">A mute keeps a rule quiet for applications of a name.</Empty> : (
          <PlainTable label="Mutes" rows={data} rowKey={(m) => m.id} columns={[
            { title: 'Rule', cell: (m) => m.rule },
            { title: 'Applications named', cell: (m) => m.app_name },
            { title: 'Reason', wide: true, cell: (m) => <span title={m.reason}>{m.reason}</span> },
            { title: 'By', cell: (m) => m.by },
            { title: 'Until', cell: (m) => (m.until === null ? 'for ever' : <Time v={m.until} />) },
            { title: 'Act', cell: (m) => <Button quiet disabled={busy} onClick={() => run(removeMute(m.id), 'Mute removed')}>Remove</Button> },
          ]} />
        )}
      </Loaded>
      <form class="incident-form" onSubmit={(e) => { e.preventDefault(); add(); }}>
        <Field label="Rule" value={form.rule} set={(rule) => set({ ...form, rule })} placeholder="task-skew, or *" required />
        <Field label="Applications named" value={form.app_name} set={(app_name) => set({ ...form, app_name })} placeholder="daily-*" required />
        <Field label="Reason" value={form.reason} set={(reason) => set({ ...form, reason })} required />
        <Field label="Your name" value={who} set={setWho} required />
        <Select label="For" value={form.hours} choose={(hours) => set({ ...form, hours })} options={[...TERMS, { value: '', text: 'ever' }]} />
        <Button type="submit" disabled={busy}>Mute</Button>
      </form>
    </Section>
  );
}

function Silences() {
  const all = useResource(silences());
  const { busy, run } = useAct(all.reload);
  const [who, setWho] = useWho();
  const [form, set] = useState({ matchers: '', reason: '', hours: '8' });
  const add = () => run(addSilence({ matchers: matchersOf(form.matchers), reason: form.reason, until: until(form.hours, Date.now()) ?? 0, by: who }), 'Silenced');
  return (
    <Section title="Silences" help="silences" flush>
      <Loaded of={all}>
        {(data) => data.length === 0 ? <Empty title="Nothing is silenced">A silence covers every incident with some labels for a time, as during a maintenance.</Empty> : (
          <PlainTable label="Silences" rows={data} rowKey={(s) => s.id} columns={[
            { title: 'Labels', cell: (s) => <code>{s.matchers.join(', ')}</code> },
            { title: 'Reason', wide: true, cell: (s) => <span title={s.reason}>{s.reason}</span> },
            { title: 'By', cell: (s) => s.by },
            { title: 'Until', cell: (s) => <Time v={s.until} /> },
            { title: 'Act', cell: (s) => <Button quiet disabled={busy} onClick={() => run(removeSilence(s.id), 'Silence removed')}>Remove</Button> },
          ]} />
        )}
      </Loaded>
      <form class="incident-form" onSubmit={(e) => { e.preventDefault(); add(); }}>
        <Field label="Labels, one matcher a line" value={form.matchers} set={(matchers) => set({ ...form, matchers })} placeholder={'severity=~"warning|info"'} lines required />
        <Field label="Reason" value={form.reason} set={(reason) => set({ ...form, reason })} required />
        <Field label="Your name" value={who} set={setWho} required />
        <Select label="For" value={form.hours} choose={(hours) => set({ ...form, hours })} options={TERMS} />
        <Button type="submit" disabled={busy}>Silence</Button>
      </form>
    </Section>
  );
}
