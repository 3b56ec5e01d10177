import { useState } from 'preact/hooks';
import { type ApplicationRow, applications } from '../../api/ours';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Button } from '../../components/button';
import { Time } from '../../components/number';
import { Popover } from '../../components/popover';
import { Search } from '../../components/search';
import { Loaded } from '../../components/state';
import type { AppRef } from '../../core/address';
import { useParam } from '../../core/router';
import { writeOther } from './other';

/** Which application to compare with: the run before, or any other. */
export function Compare({ other }: { other: AppRef | undefined }) {
  const { app, overview } = useApp();
  const [, choose] = useParam('with');
  const before = overview.data?.previousRuns[0];
  const previous = before && { cluster: app.cluster, id: before.id, attempt: before.attemptId };
  return (
    <>
      {previous && !other && <Button onClick={() => choose(writeOther(previous))}>Compare with the previous run</Button>}
      <Popover label="Compare with another application" text={other ? `Compared with ${other.id}` : 'Compare with…'}>
        {() => <Finder name={overview.data?.name ?? ''} choose={(to) => choose(writeOther(to))} />}
      </Popover>
      {other && <Button icon="close" label="Stop comparing" quiet onClick={() => choose(undefined)} />}
    </>
  );
}

const SHOWN = 20;

function Finder({ name, choose }: { name: string; choose: (app: AppRef) => void }) {
  const [q, setQ] = useState(name);
  const { app } = useApp();
  const found = useResource(applications({ q }, '-startTime', 0, SHOWN + 1), { keep: true });
  const isThis = (a: ApplicationRow) => a.cluster === app.cluster && a.id === app.id && a.attemptId === app.attempt;
  return (
    <div class="environment-compare">
      <Search label="Find an application" value={q} onChange={setQ} wait={120} />
      <Loaded of={found}>
        {(data) => {
          const rows = data.applications.filter((a) => !isThis(a)).slice(0, SHOWN);
          if (rows.length === 0) return <p class="muted">No other application fits.</p>;
          return (
            <ul>
              {rows.map((a) => (
                <li key={`${a.cluster} ${a.id} ${a.attemptId ?? ''}`}>
                  <button type="button" onClick={() => choose({ cluster: a.cluster, id: a.id, attempt: a.attemptId })}>
                    <strong class="clip">{a.name || a.id}</strong>
                    <span class="muted"><Time v={a.startTime} /> · {a.cluster}{a.attemptId && ` · attempt ${a.attemptId}`}</span>
                  </button>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </div>
  );
}
