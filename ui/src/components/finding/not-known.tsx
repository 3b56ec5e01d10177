import { notKnown } from '../../api/findings';
import { useResource } from '../../api/resource';
import type { AppRef } from '../../core/address';
import { counted } from '../../core/format';
import { Link } from '../link';
import { Note } from '../state';

/** What rules could not judge for lack of data, folded away, and what would let them. */
export function NotKnownList({ app }: { app: AppRef }) {
  const unknown = useResource(notKnown(app));
  if (unknown.error && !unknown.data) return <Note title={`What could not be judged is not known: ${unknown.error.message}`}>{unknown.error.advice}</Note>;
  const all = unknown.data ?? [];
  if (all.length === 0) return null;
  return (
    <details class="found-unknown">
      <summary>{counted(all.length, 'thing')} {all.length === 1 ? 'is' : 'are'} not known of this application</summary>
      <ul>
        {all.map((one) => (
          <li key={`${one.rule} ${one.what}`}>
            {[one.rule, ...one.also].map((rule, i) => <span key={rule}>{i > 0 && ', '}<Link to={`/rules/${encodeURIComponent(rule)}`}>{rule}</Link></span>)}: {one.what}
            <p class="muted">{one.remedy}</p>
          </li>
        ))}
      </ul>
    </details>
  );
}
