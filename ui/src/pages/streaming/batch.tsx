import { batchReports, type ProgressReport, progressReports, type StreamingSeries } from '../../api/ours';
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
  const asked = chosen !== '' && Number.isInteger(batch) ? batch : undefined;
  const report = useResource(asked === undefined ? progressReports(app, of.runId, of.batches - 1, 1) : batchReports(app, of.runId, asked), { keep: true });
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
      <Loaded of={report}>
        {(all) => {
          const found = all.at(-1);
          return found ? <Report app={app} of={found} /> : <Empty title={`No report of batch ${batch}`}>Batches without new data are not always reported.</Empty>;
        }}
      </Loaded>
    </Section>
  );
}

function Report({ app, of }: { app: AppRef; of: ProgressReport }) {
  const text = JSON.stringify(of, null, 2);
  const topics = topicLags(of);
  return (
    <div class="batch-report">
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
      <div class="batch-report-text">
        <pre tabIndex={0} role="region" aria-label="Progress report">{text}</pre>
        <div class="batch-report-copy"><Copy text={text} label="Copy the report" /></div>
      </div>
      <p class="muted">Its SQL executions are <Link to={appUrl(app, 'sql', { q: `batch = ${of.batchId}` })}>in the SQL list</Link>.</p>
    </div>
  );
}
