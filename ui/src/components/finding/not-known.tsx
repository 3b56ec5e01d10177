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
      <summary>{counted(all.length, 'rule')} could not judge this log</summary>
      <ul>
        {all.map((one) => (
          <li key={`${one.rule} ${one.what}`}>
            <Link to={`/rules/${encodeURIComponent(one.rule)}`}>{one.rule}</Link>: {one.what}
            <p class="muted">{one.remedy}</p>
          </li>
        ))}
      </ul>
    </details>
  );
}
