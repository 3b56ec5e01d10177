import { useEffect } from 'preact/hooks';
import type { ApiError } from '../api/client';
import { applications } from '../api/ours';
import { useResource } from '../api/resource';
import { Failed, Skeleton } from '../components/state';
import { type AppPlace, appUrl } from '../core/address';
import { current, navigate } from '../core/router';

interface Props {
  place: AppPlace;
  error: ApiError;
  retry: () => void;
}

/** An application that was not found: if only its attempt was not named, or named wrongly, the newest is shown. */
export function Missing({ place: { app, rest }, error, retry }: Props) {
  const found = useResource(error.status === 404 ? applications({ q: app.id, cluster: [app.cluster] }, '-startTime', 0, 50) : undefined);
  const newest = found.data?.applications.find((a) => a.id === app.id && a.cluster === app.cluster && a.attemptId !== app.attempt);
  useEffect(() => {
    if (!newest) return;
    const query = Object.fromEntries([...current().query.keys()].map((name) => [name, current().query.getAll(name)]));
    navigate(appUrl({ ...app, attempt: newest.attemptId }, rest, query), { replace: true });
  }, [newest]);
  if (error.status === 404 && !found.data && !found.error) return <div class="page"><Skeleton /></div>;
  return (
    <Failed page error={error} retry={retry}>
      <p>
        <a href={`/?q=${encodeURIComponent(app.id)}`}>Search all clusters for {app.id}</a>
      </p>
    </Failed>
  );
}
