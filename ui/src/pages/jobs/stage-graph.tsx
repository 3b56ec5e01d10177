import { useMemo, useState } from 'preact/hooks';
import type { JobsTimeline, Stage, TimedJob } from '../../api/stages';
import { kindOf, Mark, Status } from '../../components/badge';
import { Button } from '../../components/button';
import { Dag, type DagLine, type DagNode } from '../../components/dag/dag';
import { Link } from '../../components/link';
import { Duration } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Empty } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';
import { bytes, bytesExact, count, counted, duration } from '../../core/format';
import { lengthOf } from '../stages/lengths';
import { graphOf, type JobGraph, type StageNode } from './graph';

interface Props {
  app: AppRef;
  job: TimedJob;
  timeline: JobsTimeline;
  /** The stages in full, as far as they are known. */
  stages: Map<number, Stage>;
  until: number | undefined;
}

/** The stages of a job: what each reads, how long it took, and which were skipped. */
export function StageGraph({ app, job, timeline, stages, until }: Props) {
  const [all, setAll] = useState(false);
  const graph = useMemo(() => graphOf(job, timeline.stages, all), [job, timeline, all]);
  const url = (n: StageNode) => appUrl(app, `stages/${n.stage}/${n.run?.attempt ?? 0}`);
  const nodes = graph.nodes.map((n): DagNode => ({ id: String(n.stage), width: 214, height: n.skipped ? 50 : 68, content: <Node node={n} url={url(n)} until={until} /> }));
  const lines = graph.lines.map((l): DagLine => ({ from: String(l.from), to: String(l.to), faint: graph.nodes.find((n) => n.stage === l.from)?.skipped ?? false, ...written(stages.get(l.from)) }));
  const skipped = graph.nodes.filter((n) => n.skipped).length;
  return (
    <Section
      title="Stages"
      help="stageGraph"
      flush
      actions={(graph.hidden > 0 || all) && <Button quiet onClick={() => setAll(!all)}>{all ? 'Hide skipped stages that only skipped ones read' : `Show ${counted(graph.hidden, 'more skipped stage')}`}</Button>}
    >
      {nodes.length === 0 ? (
        <Empty title="The job had no stage">It had nothing to compute: an action on no partitions.</Empty>
      ) : (
        <Dag
          label={`Stages of job ${job.id}`}
          nodes={nodes}
          lines={lines}
          legend={<span>{counted(graph.nodes.length, 'stage')}{skipped > 0 && `, ${count(skipped)} of them skipped (dashed)`}. Arrows say how much was written for the next stage.</span>}
          table={() => <AsTable graph={graph} url={url} stages={stages} until={until} />}
        />
      )}
    </Section>
  );
}

function written(stage: Stage | undefined): Pick<DagLine, 'text' | 'title'> {
  if (!stage || stage.shuffleWriteBytes === 0) return {};
  return { text: bytes(stage.shuffleWriteBytes), title: `Stage ${stage.stageId} wrote ${bytesExact(stage.shuffleWriteBytes)} for its readers` };
}

const timeOf = ({ run }: StageNode, until: number | undefined) => (run?.status === 'PENDING' || run?.status === 'SKIPPED' ? undefined : lengthOf(run?.submitTime, run?.endTime, until));

function Node({ node, url, until }: { node: StageNode; url: string; until: number | undefined }) {
  const { run, skipped } = node;
  const { tone, word } = kindOf(skipped ? 'SKIPPED' : (run?.status ?? 'UNKNOWN'));
  const length = timeOf(node, until);
  return (
    <Link to={url} class={`stage-node ${skipped ? 'skipped' : tone === 'fail' ? 'failed' : tone}`} title={`${run?.name ?? ''}\n${word}`}>
      <strong>
        <Mark tone={tone} />
        Stage {node.stage}{run !== undefined && run.attempt > 0 && `.${run.attempt}`}
        <span class="stage-node-time">{skipped ? 'skipped' : length === undefined ? word.toLowerCase() : duration(length)}</span>
      </strong>
      <span class="clip">{run?.name ?? 'not in the log'}</span>
      {!skipped && run && <span class="muted">{counted(run.tasks, 'task')}{run.failedTasks > 0 && <b class="failure-number">, {count(run.failedTasks)} failed</b>}</span>}
    </Link>
  );
}

function AsTable({ graph, url, stages, until }: { graph: JobGraph; url: (n: StageNode) => string; stages: Map<number, Stage>; until: number | undefined }) {
  return (
    <PlainTable
      label="Stages and what they read"
      rows={graph.nodes}
      rowKey={(n) => n.stage}
      columns={[
        { title: 'Stage', cell: (n) => <Link to={url(n)}>{n.stage}</Link> },
        { title: 'Status', cell: (n) => <Status of={n.skipped ? 'SKIPPED' : (n.run?.status ?? 'UNKNOWN')} quiet /> },
        { title: 'Name', wide: true, cell: (n) => n.run?.name ?? '–' },
        { title: 'Reads stages', cell: (n) => graph.lines.filter((l) => l.to === n.stage).map((l) => l.from).join(', ') || '–' },
        { title: 'Wrote', right: true, cell: (n) => bytes(stages.get(n.stage)?.shuffleWriteBytes) },
        { title: 'Duration', right: true, cell: (n) => <Duration v={timeOf(n, until)} /> },
      ]}
    />
  );
}
