import { rules } from '../../api/findings';
import { useResource } from '../../api/resource';
import { counted } from '../../core/format';
import { Link } from '../link';

/** Nothing found: said with what was looked for, so that silence is worth something. */
export function NothingFound({ live }: { live: boolean }) {
  const all = useResource(rules());
  const families = [...new Set((all.data ?? []).map((rule) => rule.family))];
  return (
    <div class="found-none">
      <h3>Nothing found{live && ' so far'}</h3>
      {all.data && (
        <p class="muted">
          <Link to="/rules">{counted(all.data.length, 'rule')}</Link> looked at {families.join(', ')}{live && '; they look again while it runs'}.
        </p>
      )}
    </div>
  );
}
