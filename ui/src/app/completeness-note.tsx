import type { Completeness } from '../api/ours';
import { Note } from '../components/state';
import { sentences } from './completeness';

/** What the log lacks, in words: numbers on all pages come from what is left. */
export function CompletenessNote({ note, running }: { note: Completeness; running: boolean }) {
  const said = sentences(note, running);
  if (said.length === 0) return null;
  return (
    <div class="completeness">
      <Note title="This log is not complete; numbers are of what could be read.">
        <ul>{said.map((one) => <li key={one}>{one}</li>)}</ul>
      </Note>
    </div>
  );
}
