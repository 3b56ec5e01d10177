import { useRef, useState } from 'preact/hooks';
import { type Feedback as Given, giveFeedback, type Said } from '../../../api/remediation';
import { Button } from '../../../components/button';
import { Time } from '../../../components/number';
import { Popover } from '../../../components/popover';
import { Segments } from '../../../components/segments';
import { Field } from '../field';
import { useAct } from '../use-act';
import type { Who } from '../who';
import { Turned } from './turned';

interface Props {
  incident: number;
  about: Given['about'];
  given: Given[];
  who: Who;
  reload: () => void;
}

/** What people said of an advice, and the way to say something. */
export function Feedback({ incident, about, given, who, reload }: Props) {
  const said = given.filter((g) => g.about === about);
  return (
    <div class="remedy-said">
      {said.map((g) => (
        <p key={g.by}><Turned of={g.verdict} /> <span class="muted">says {g.by}, <Time v={g.at} /></span>{g.comment !== '' && <> {g.comment}</>}</p>
      ))}
      <Popover label={`How the advice of the ${about} turned out`} text="How did it turn out?">
        <Form incident={incident} about={about} who={who} reload={reload} />
      </Popover>
    </div>
  );
}

function Form({ incident, about, who: [name, setName], reload }: Omit<Props, 'given'>) {
  const form = useRef<HTMLFormElement>(null);
  const [verdict, setVerdict] = useState<Said>('worked');
  const [comment, setComment] = useState('');
  const { busy, run } = useAct(() => {
    setComment('');
    form.current?.closest<HTMLElement>('[popover]')?.hidePopover();
    reload();
  });
  const send = () => run(giveFeedback(incident, { about, verdict, by: name, comment }), 'Noted');
  return (
    <form ref={form} class="remedy-form" onSubmit={(e) => { e.preventDefault(); send(); }}>
      <Segments<Said> label="How it turned out" value={verdict} onChange={setVerdict} options={[{ value: 'worked', text: 'It worked' }, { value: 'no effect', text: 'No effect' }, { value: 'worse', text: 'Worse' }]} />
      <Field label="Your name" value={name} set={setName} required />
      <Field label="What happened" value={comment} set={setComment} lines />
      <Button type="submit" disabled={busy || name.trim() === ''}>Say so</Button>
    </form>
  );
}
