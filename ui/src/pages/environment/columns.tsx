import { Badge, type Tone } from '../../components/badge';
import { Copy } from '../../components/copy';
import { Help } from '../../components/help';
import { LongText } from '../../components/long-text';
import { Popover } from '../../components/popover';
import type { Column } from '../../components/table';
import type { Difference, Setting } from './settings';

/** Longer values are cut and have a button for the rest. */
const LONG = 70;

const WORDS: Record<Difference, { tone: Tone; word: string }> = {
  same: { tone: 'idle', word: 'same' },
  changed: { tone: 'warn', word: 'changed' },
  onlyHere: { tone: 'ok', word: 'only here' },
  onlyThere: { tone: 'run', word: 'only there' },
};

const name: Column<Setting> = {
  id: 'name',
  title: 'Name',
  width: 260,
  grow: 2,
  pin: true,
  sort: (s) => s.name,
  cell: (s) => <code class="clip" title={s.name}>{s.name}</code>,
};

export const alone: Column<Setting>[] = [
  name,
  {
    id: 'value',
    title: 'Value',
    width: 260,
    grow: 3,
    sort: (s) => s.value ?? s.standard,
    cell: (s) => (
      <>
        <Value name={s.name} text={s.value ?? s.standard} />
        {s.masked && <><Badge tone="warn">masked</Badge><Help of="masked" /></>}
        {s.value === undefined && <Badge>not set</Badge>}
        {s.value !== undefined && s.isDefault && <Badge>the default</Badge>}
      </>
    ),
  },
  {
    id: 'default',
    title: 'Default',
    help: 'defaults',
    width: 150,
    grow: 1,
    cell: (s) => s.value !== undefined && !s.isDefault && <span class="muted clip" title={s.standard}>{s.standard}</span>,
  },
];

export const compared = (here: string, there: string): Column<Setting>[] => [
  name,
  { id: 'difference', title: 'Difference', width: 110, sort: (s) => s.difference, cell: (s) => s.difference && <Badge tone={WORDS[s.difference].tone}>{WORDS[s.difference].word}</Badge> },
  { id: 'value', title: here, width: 200, grow: 2, cell: (s) => <Value name={s.name} text={s.value} /> },
  { id: 'other', title: there, width: 200, grow: 2, cell: (s) => <Value name={s.name} text={s.other} /> },
];

function Value({ name, text }: { name: string; text: string | undefined }) {
  if (text === undefined) return <span class="muted">not set</span>;
  if (text === '') return <span class="muted">empty</span>;
  return (
    <>
      <code class="clip" title={text}>{text}</code>
      {text.length > LONG && (
        <Popover label={`The whole value of ${name}`} text="…" class="environment-whole">
          <strong><code>{name}</code></strong>
          <LongText text={text} lines={40} label={name} />
        </Popover>
      )}
      {text.length <= LONG && <span class="environment-on-hover"><Copy text={text} label={`Copy the value of ${name}`} /></span>}
    </>
  );
}
