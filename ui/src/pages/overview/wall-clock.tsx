import type { Overview } from '../../api/ours';
import { type BarPart, StackedBar } from '../../components/bar';
import { Duration } from '../../components/number';
import { Section } from '../../components/section';
import type { HelpKey } from '../../help';

interface Look {
  title: string;
  color: string;
  striped?: boolean;
  help?: HelpKey;
}

const LOOKS: Record<string, Look> = {
  driver: { title: 'Driver only', color: '--c5', striped: true, help: 'driver' },
  waitingForExecutors: { title: 'Waiting for executors', color: '--c8', striped: true, help: 'waitingForExecutors' },
  scheduling: { title: 'Scheduling', color: '--c7', help: 'scheduling' },
  deserialization: { title: 'Deserialization', color: '--c4', help: 'deserialization' },
  compute: { title: 'Compute', color: '--c3', help: 'compute' },
  gc: { title: 'Garbage collection', color: '--c6', help: 'gc' },
  shuffleRead: { title: 'Shuffle read wait', color: '--c1', help: 'shuffleRead' },
  shuffleWrite: { title: 'Shuffle write', color: '--c2', help: 'shuffleWrite' },
  result: { title: 'Result', color: '--c9', help: 'result' },
  unexplained: { title: 'Unexplained', color: '--c10', help: 'unexplained' },
};

export function WallClock({ of }: { of: Overview['wallClock'] }) {
  const parts = of.parts.map(({ name, time }): BarPart => {
    const { title, ...look } = LOOKS[name] ?? { title: name, color: '--c10' };
    return { name: title, value: time, ...look };
  });
  return (
    <Section title="Where the time went" help="wallClock">
      <StackedBar label="Wall-clock time by what it was spent on" parts={parts} total={of.total} show={(ms) => <Duration v={ms} />} />
      {of.notes.length > 0 && (
        <ul class="wall-notes muted">
          {of.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </Section>
  );
}
