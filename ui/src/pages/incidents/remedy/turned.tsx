import type { Record3, Verdict } from '../../../api/remediation';
import { Badge, type Tone } from '../../../components/badge';
import { count } from '../../../core/format';

const TONE: Record<Verdict, Tone> = { worked: 'ok', 'no effect': 'idle', worse: 'fail', 'not tried': 'idle', 'not known': 'idle' };

/** How advice turned out, in a word. */
export function Turned({ of }: { of: Verdict }) {
  return <Badge tone={TONE[of]}>{of}</Badge>;
}

/** How often it did so; nothing where nothing is known. */
export function Counts({ of, none }: { of: Record3; none: string }) {
  const parts: [Verdict, number][] = [['worked', of.worked], ['no effect', of.no_effect], ['worse', of.worse]];
  const known = parts.filter(([, n]) => n > 0);
  if (known.length === 0) return <span class="muted">{none}</span>;
  return <span class="remedy-counts">{known.map(([verdict, n]) => <Badge key={verdict} tone={TONE[verdict]}>{count(n)} × {verdict}</Badge>)}</span>;
}
