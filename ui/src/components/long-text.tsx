import { useState } from 'preact/hooks';
import { counted } from '../core/format';
import { Button } from './button';
import { Copy } from './copy';
import './long-text.css';

interface Props {
  text: string;
  /** Lines shown at first. */
  lines?: number;
  label: string;
}

/** Stack traces, statements, plans: the first lines, the rest on demand, and a copy. */
export function LongText({ text, lines = 4, label }: Props) {
  const [all, setAll] = useState(false);
  const split = text.trimEnd().split('\n');
  const more = split.length - lines;
  const shown = all || more <= 0 ? text.trimEnd() : split.slice(0, lines).join('\n');
  return (
    <div class="long-text">
      <pre tabIndex={0} role="region" aria-label={label}>{shown}</pre>
      <div class="long-text-copy"><Copy text={text} label={`Copy ${label}`} /></div>
      {more > 0 && (
        <Button quiet aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Less' : counted(more, 'more line')}
        </Button>
      )}
    </div>
  );
}
