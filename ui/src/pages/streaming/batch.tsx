import { useEffect, useState } from 'preact/hooks';
import { type ProgressReport, progressReports, type StreamingSeries } from '../../api/ours';
import { fetchJson } from '../../api/client';
import { useResource } from '../../api/resource';
import { Button } from '../../components/button';
import { Copy } from '../../components/copy';
import { Link } from '../../components/link';
import { Count } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Empty, Loaded } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';
import { topicLags } from './offsets';
import { seek } from './seek';

interface Props {
  app: AppRef;
  of: StreamingSeries;
  chosen: string;
  choose: (batch: string | undefined) => void;
}

/** The progress report of the chosen batch, as Spark wrote it; of the last one if none is chosen. */
export function Batch({ app, of, chosen, choose }: Props) {
  const last = of.batch.findLast((b) => b !== null) ?? undefined;
  const batch = chosen === '' ? last : Number(chosen);
  const place = usePlaceOf(app, of, chosen === '' ? undefined : batch);
  const report = useResource(place == null ? undefined : progressReports(app, of.runId, place, 1), { keep: true });
  const step = (by: number) => batch !== undefined && choose(String(batch + by));
  return (
    <Section
      title={batch === undefined ? 'Progress report' : `Progress report of batch ${batch}${chosen === '' ? ', the last one' : ''}`}
      actions={
        <>
          <Button disabled={batch === undefined || batch <= 0} onClick={() => step(-1)}>Batch before</Button>
          <Button disabled={batch === undefined || last === undefined || batch >= last} onClick={() => step(1)}>Next batch</Button>
          {chosen !== '' && <Button onClick={() => choose(undefined)}>Last</Button>}
        </>
      }
    >
      {place === null ? <Empty title={`No report of batch ${batch}`}>Batches without new data are not always reported.</Empty> : (
        <Loaded of={report}>{([found]) => (found ? <Report app={app} of={found} /> : <Empty title={`No report of batch ${batch}`} />)}</Loaded>
      )}
    </Section>
  );
}

/** Which report is the batch's: undefined while looked for, null if there is none. */
function usePlaceOf(app: AppRef, of: StreamingSeries, batch: number | undefined): number | null | undefined {
  const [place, set] = useState<{ batch: number; at: number | null }>();
  const whole = `${appUrl(app)} ${of.runId}`;
  useEffect(() => {
    if (batch === undefined) return;
    const abort = new AbortController();
    const look = async (offset: number, length: number) => (await fetchJson(progressReports(app, of.runId, offset, length), abort.signal)).map((r) => r.batchId);
    seek(of, batch, look).then(
      (at) => abort.signal.aborted || set({ batch, at: at ?? null }),
      () => abort.signal.aborted || set({ batch, at: null }),
    );
    return () => abort.abort();
  }, [whole, batch, of.batches]);
  if (batch === undefined) return of.batches - 1;
  return place?.batch === batch ? place.at : undefined;
}

function Report({ app, of }: { app: AppRef; of: ProgressReport }) {
  const text = JSON.stringify(of, null, 2);
  const topics = topicLags(of);
  return (
    <div class="report">
      {topics.length > 0 && (
        <PlainTable
          label="Lag by topic"
          rows={topics}
          rowKey={(t) => `${t.source} ${t.topic}`}
          columns={[
            { title: 'Topic', wide: true, cell: (t) => <span title={t.source}>{t.topic}</span> },
            { title: 'Partitions', right: true, cell: (t) => <Count v={t.partitions} unit="partitions" /> },
            { title: 'Offsets read', right: true, cell: (t) => <Count v={t.read} unit="offsets" /> },
            { title: 'Lag', help: 'sourceLag', right: true, cell: (t) => <Count v={t.lag} unit="offsets" /> },
            { title: 'Furthest behind', right: true, cell: (t) => t.worst && t.worst.lag > 0 && <>partition {t.worst.partition}, <Count v={t.worst.lag} unit="offsets" /></> },
          ]}
        />
      )}
      <div class="report-text">
        <pre tabIndex={0} role="region" aria-label="Progress report">{text}</pre>
        <div class="report-copy"><Copy text={text} label="Copy the report" /></div>
      </div>
      <p class="muted">Its SQL executions are <Link to={appUrl(app, 'sql', { q: `batch = ${of.batchId}` })}>in the SQL list</Link>.</p>
    </div>
  );
}
