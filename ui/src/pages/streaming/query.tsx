import { useCallback, useMemo } from 'preact/hooks';
import { type StreamingRun, streamingRuns, type StreamingSeries, streamingSeries } from '../../api/ours';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { useCrumbs } from '../../app/breadcrumbs';
import { Button } from '../../components/button';
import type { ChartLink } from '../../components/chart';
import { Copy } from '../../components/copy';
import { DetailHead, FactLine } from '../../components/detail-head';
import { FindingsHere } from '../../components/finding/here';
import { Link } from '../../components/link';
import { LongText } from '../../components/long-text';
import { Bytes, Count, Duration, Percent, Rate, Time } from '../../components/number';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Loaded, Note, Skeleton } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';
import { counted, time } from '../../core/format';
import { setQuery, useParam, usePlace } from '../../core/router';
import type { PageProps } from '..';
import { rootLine } from '../sql/root-line';
import { Batch } from './batch';
import { BatchCharts } from './batch-charts';
import { Operator } from './operator';
import { batchDuration, between, loadOf, spreadOf } from './phases';
import { runRows, stateOf, titleOf } from './runs';
import { part } from './part';
import { memoryReported } from './state-metrics';
import './streaming.css';

const POINTS = 1000;

/** One run of a streaming query, over its batches. */
export default function QueryPage({ params }: PageProps) {
  const { app, live } = useApp();
  const runId = params.run ?? '';
  const runs = useResource(streamingRuns(app), { live });
  const run = runs.data?.find((one) => one.runId === runId);
  const series = useResource(streamingSeries(app, runId, POINTS), { live: run?.active ?? false });
  useCrumbs(1, [{ text: run ? titleOf(run) : `Run ${runId.slice(0, 8)}` }]);
  return (
    <div class="page">
      {run && <Head app={app} run={run} all={runs.data ?? []} sink={series.data?.sink} />}
      <FindingsHere place about={({ where }) => (where.kind === 'query' || where.kind === 'batch') && where.run === runId} />
      <Loaded of={series} skeleton={<div class="columns"><Skeleton height={220} /><Skeleton height={220} /></div>}>
        {(data) => (data.points === 0 ? <NoBatches active={run?.active ?? false} /> : <Batches app={app} of={data} active={run?.active ?? false} />)}
      </Loaded>
    </div>
  );
}

function NoBatches({ active }: { active: boolean }) {
  return <Empty title="No progress report">{active ? 'The first one comes when the first batch is done.' : 'The query ended before its first batch was done, or its reports were not logged.'}</Empty>;
}

function Head({ app, run, all, sink }: { app: AppRef; run: StreamingRun; all: StreamingRun[]; sink: string | undefined }) {
  const others = runRows(all).filter((row) => row.run.id === run.id).sort((a, b) => a.nth - b.nth);
  const rows = others.find((row) => row.run.runId === run.runId);
  return (
    <DetailHead title={titleOf(run)} status={stateOf(run)} facts={<span class="app-id"><code>{run.runId}</code><Copy text={run.runId} label="Copy the run's id" /></span>}>
      {run.exception && (
        <Note tone="fail" title={rootLine(run.exception)}>
          {run.exception.trim().includes('\n') && <LongText text={run.exception} label="the exception" lines={1} />}
        </Note>
      )}
      <FactLine>
        <span>Started <Time v={rows?.start} /></span>
        <span>last report <Time v={rows?.last} /></span>
        <span>{counted(run.progressReports, 'progress report')}</span>
        {run.idleReports > 0 && <span>{counted(run.idleReports, 'idle report')}</span>}
        {sink && <span title={sink}>writes to {sink.length > 60 ? `${sink.slice(0, 60)}…` : sink}</span>}
      </FactLine>
      {others.length > 1 && (
        <p class="muted query-runs">
          Runs of this query:{' '}
          {others.map((row) => (row.run.runId === run.runId ? <b key={row.run.runId}>{row.nth}</b> : <Link key={row.run.runId} to={appUrl(app, `streaming/${encodeURIComponent(row.run.runId)}`)} title={`started ${time(row.start)}`}>{String(row.nth)}</Link>))}
        </p>
      )}
    </DetailHead>
  );
}

const RECENT = 50;

function Batches({ app, of, active }: { app: AppRef; of: StreamingSeries; active: boolean }) {
  const { query } = usePlace();
  const [chosen, choose] = useParam('batch');
  const [from, to] = [Number(query.get('from') ?? NaN), Number(query.get('to') ?? NaN)];
  const zoomed = from < to;
  const rough = useMemo(() => part(of, zoomed ? between(of.time, from, to) : undefined), [of, from, to]);
  // Where points stand for several batches, a part of them is asked for again, and shown once it is there.
  const fine = useResource(zoomed && of.points < of.batches ? streamingSeries(app, of.runId, POINTS, [from, to]) : undefined, { live: active });
  const shown = useMemo(() => (fine.data && zoomed ? part(fine.data) : rough), [fine.data, rough]);

  const onRange = useCallback((range: [number, number] | undefined) => setQuery({ from: range && String(range[0]), to: range && String(range[1]) }, { push: range !== undefined }), []);
  const at = shown.time.map((t) => t ?? 0);
  const picked = chosen === '' ? undefined : shown.batch.lastIndexOf(Number(chosen));
  const onPick = useCallback((index: number) => choose(String(shown.batch[index] ?? '')), [shown, choose]);
  const link = useMemo<ChartLink>(() => ({ key: `streaming ${of.runId}`, picked: picked === undefined || picked < 0 ? undefined : (shown.time[picked] ?? undefined), onPick, onRange }), [of.runId, shown, picked, onPick, onRange]);
  // What the points are of, and whether it is known how many batches they stand for.
  const whole = zoomed && fine.data ? fine.data : of;
  const exact = whole !== of || of.points === of.batches;
  const recent = of.time.filter((t) => t !== null).slice(-RECENT);

  return (
    <>
      <div class="toolbar query-range">
        <span class="muted" aria-live="polite">
          {zoomed ? `${exact ? counted(whole === of ? shown.points : whole.batches, 'batch', 'batches') : counted(shown.points, 'point')} from ${time(at[0])} to ${time(at[at.length - 1])}` : `All ${counted(of.batches, 'batch', 'batches')}`}
          {whole.points < whole.batches && `; each point stands for up to ${Math.ceil(whole.batches / whole.points)}: the mean of rates, the longest of durations`}
        </span>
        {zoomed && <Button onClick={() => onRange(undefined)}>Whole range</Button>}
        {!zoomed && of.points > RECENT * 1.5 && <Button onClick={() => onRange([recent[0] ?? 0, recent[recent.length - 1] ?? 0])}>Last {RECENT}</Button>}
        <span class="muted query-hint">Drag over a chart for a range, click for a batch.</span>
      </div>
      {shown.points === 0 ? (
        <Empty title="No batch in this range"><Button onClick={() => onRange(undefined)}>Whole range</Button></Empty>
      ) : (
        <>
          <Figures of={shown} active={active} />
          <BatchCharts of={shown} at={at} link={link} />
          {shown.operators.map((operator, n) => <Operator key={n} of={operator} nth={n} count={shown.operators.length} at={at} link={link} />)}
          <Batch app={app} of={of} chosen={chosen} choose={choose} />
        </>
      )}
    </>
  );
}

/** The range in numbers. */
function Figures({ of, active }: { of: StreamingSeries; active: boolean }) {
  const durations = spreadOf(batchDuration(of));
  const [came, done] = [spreadOf(of.inputRate), spreadOf(of.processedRate)];
  const load = loadOf(of);
  const lags = of.sources.map((source) => source.lag.findLast((v) => v !== null));
  const lag = lags.some((v) => v !== undefined) ? lags.reduce<number>((sum, v) => sum + (v ?? 0), 0) : undefined;
  const watermark = of.watermarkLag.findLast((v) => v !== null);
  const last = (pick: (o: StreamingSeries['operators'][number]) => (number | null)[]) => of.operators.reduce((sum, o) => sum + (pick(o).findLast((v) => v !== null) ?? 0), 0);
  const stateful = of.operators.length > 0;
  return (
    <Section title={active ? 'In this range, so far' : 'In this range'}>
      <Facts>
        <Fact name="Batch duration" help="batchDuration">{durations && <><Duration v={durations.median} /><span class="fact-more">median</span><div class="fact-more">longest <Duration v={durations.max} /></div></>}</Fact>
        <Fact name="Input rate">{came && <Rate v={came.mean} unit="rows" />}</Fact>
        <Fact name="Processed rate" help="processedRate">{done && <Rate v={done.mean} unit="rows" />}</Fact>
        <Fact name="Load" help="streamingLoad">{load === undefined ? null : <Percent v={load} />}</Fact>
        <Fact name="Watermark lag, last" help="watermarkLag">{watermark == null ? null : <Duration v={watermark} />}</Fact>
        <Fact name="Source lag, last" help="sourceLag">{lag === undefined ? null : <Count v={lag} unit="offsets" />}</Fact>
        <Fact name="State rows, last">{stateful ? <Count v={last((o) => o.rows)} unit="rows" /> : null}</Fact>
        <Fact name="State memory, last" help="stateMemory">{!stateful ? null : of.operators.every(memoryReported) ? <Bytes v={last((o) => o.memory)} /> : <span class="muted">not reported</span>}</Fact>
      </Facts>
    </Section>
  );
}
