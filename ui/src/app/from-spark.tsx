import { useEffect } from 'preact/hooks';
import { type ApplicationRow, applications } from '../api/ours';
import { useResource } from '../api/resource';
import { Status } from '../components/badge';
import { Time } from '../components/number';
import { PlainTable } from '../components/plain-table';
import { Section } from '../components/section';
import { Empty, Loaded } from '../components/state';
import { appUrl, type SparkPlace } from '../core/address';
import { navigate } from '../core/router';

/** An address of Spark's History Server: leads to the same page here, in whichever cluster has the application. */
export function FromSpark({ place }: { place: SparkPlace }) {
  const found = useResource(applications({ q: place.id }, '-startTime', 0, 100));
  const matching = found.data?.applications.filter((a) => a.id === place.id && (place.attempt === undefined || a.attemptId === place.attempt));
  const clusters = newestOfEachCluster(matching ?? []);
  const only = clusters.length === 1 ? clusters[0] : undefined;
  useEffect(() => {
    if (only) navigate(lead(only, place), { replace: true });
  }, [only]);
  return (
    <div class="page">
      <Loaded of={found}>
        {() => {
          if (clusters.length === 0) {
            return <Empty title={`No application ${place.id}${place.attempt === undefined ? '' : `, attempt ${place.attempt}`}`}>It may not be indexed yet: <a href="/sources">look at the sources</a>.</Empty>;
          }
          return only ? null : <Clusters of={clusters} place={place} />;
        }}
      </Loaded>
    </div>
  );
}

function Clusters({ of, place }: { of: ApplicationRow[]; place: SparkPlace }) {
  return (
    <Section title={`${of.length} clusters have an application ${place.id}. Which one do you mean?`} flush>
      <PlainTable
        label={`Clusters with an application ${place.id}`}
        rows={of}
        rowKey={(a) => a.cluster}
        columns={[
          { title: 'Cluster', cell: (a) => <a href={lead(a, place)}>{a.cluster}</a> },
          { title: 'Application', wide: true, cell: (a) => <a href={lead(a, place)}>{a.name || a.id}</a> },
          { title: 'User', cell: (a) => a.user },
          { title: 'Started', cell: (a) => <Time v={a.startTime} /> },
          { title: 'Status', cell: (a) => <Status of={a.status} quiet /> },
        ]}
      />
    </Section>
  );
}

function lead(a: ApplicationRow, place: SparkPlace): string {
  return appUrl({ cluster: a.cluster, id: a.id, attempt: a.attemptId }, place.rest, place.query);
}

/** Rows come newest first. */
function newestOfEachCluster(rows: ApplicationRow[]): ApplicationRow[] {
  const seen = new Set<string>();
  return rows.filter(({ cluster }) => !seen.has(cluster) && seen.add(cluster));
}
