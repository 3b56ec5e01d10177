import { useMemo } from 'preact/hooks';
import { type Stage, type StageGraph, stageGraph, type StageRef } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Badge } from '../../components/badge';
import { Dag, type DagLine, type DagNode } from '../../components/dag/dag';
import { Link } from '../../components/link';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Empty, Loaded, Skeleton } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';
import { operatorLines } from './operators';

/** What a task of the stage computes: operators with their RDDs, from its inputs to its output. */
export function RddGraph({ stage, stageRef }: { stage: Stage; stageRef: StageRef }) {
  const { app } = useApp();
  const graph = useResource(stageGraph(app, stageRef));
  return (
    <Section title="Operators and RDDs" help="rddGraph" flush>
      <Loaded of={graph} skeleton={<div class="section-body"><Skeleton height={260} /></div>}>
        {(data) => (data.operators.length === 0 ? <Empty title="The log names no RDD of this stage" /> : <Drawn graph={data} app={app} stage={stage} />)}
      </Loaded>
    </Section>
  );
}

const WIDTH = 236;
const HEAD = 30;
const LINE = 40;
const MANY = 6;

function Drawn({ graph, app, stage }: { graph: StageGraph; app: AppRef; stage: Stage }) {
  const nodes = useMemo(() => nodesOf(graph, app), [graph, app]);
  const lines = useMemo(() => linesOf(graph), [graph]);
  return (
    <Dag
      label={`Operators of stage ${stage.stageId}`}
      nodes={nodes}
      lines={lines}
      direction="down"
      most={Math.max(420, innerHeight - 330)}
      legend={<span>{graph.parents.length > 0 ? 'At the top: stages whose output it reads.' : 'It reads no other stage.'}</span>}
      table={() => (
        <PlainTable
          label="RDDs of the stage"
          rows={graph.operators.flatMap((o) => o.rdds.map((r) => ({ ...r, operator: o.name })))}
          rowKey={(r) => r.id}
          columns={[
            { title: 'RDD', right: true, cell: (r) => r.id },
            { title: 'Name', cell: (r) => r.name },
            { title: 'Operator', cell: (r) => r.operator },
            { title: 'Reads RDDs', cell: (r) => graph.edges.filter((e) => e.to === r.id).map((e) => e.from).join(', ') || '–' },
            { title: 'Cached', cell: (r) => (r.cached ? <Link to={appUrl(app, `storage/${r.id}`)}>cached</Link> : '–') },
            { title: 'Call site', wide: true, cell: (r) => <span title={r.callSite}>{r.callSite}</span> },
          ]}
        />
      )}
    />
  );
}

function nodesOf(graph: StageGraph, app: AppRef): DagNode[] {
  const operators = graph.operators.map((o): DagNode => {
    const rdds = o.rdds.slice(0, MANY);
    const rest = o.rdds.length - rdds.length;
    const cached = o.rdds.some((r) => r.cached);
    return {
      id: `op ${o.id}`,
      width: WIDTH,
      height: HEAD + rdds.length * LINE + (rest > 0 ? 22 : 0) + 2,
      content: (
        <div class={`rdd-operator${cached ? ' cached' : ''}`}>
          <h3 class="clip" title={o.name}>{o.name}</h3>
          {rdds.map((r) => (
            <div key={r.id} class="rdd-line" title={`${r.name} [${r.id}]\n${r.callSite}`}>
              <span class="clip">{r.name} <span class="muted">[{r.id}]</span>{r.cached && <> <Link to={appUrl(app, `storage/${r.id}`)}><Badge tone="ok">cached</Badge></Link></>}{r.barrier && <> <Badge tone="warn" title="All its tasks start together">barrier</Badge></>}</span>
              <span class="clip muted">{r.callSite}</span>
            </div>
          ))}
          {rest > 0 && <span class="muted rdd-rest">and {rest} more</span>}
        </div>
      ),
    };
  });
  if (graph.parents.length === 0) return operators;
  const sorted = graph.parents.map((p) => p.stage).sort((a, b) => a - b);
  const parents: DagNode = {
    id: PARENTS,
    width: Math.min(420, 84 + sorted.length * 34),
    height: 34,
    content: (
      <div class="parent-stages">
        <span class="muted">{sorted.length === 1 ? 'Stage' : 'Stages'}</span>
        {sorted.map((stage) => <Link key={stage} to={appUrl(app, `stages/${stage}/0`)}>{stage}</Link>)}
      </div>
    ),
  };
  return [parents, ...operators];
}

const PARENTS = 'parents';

function linesOf(graph: StageGraph): DagLine[] {
  const inside = operatorLines(graph).map(({ from, to }) => ({ from: `op ${from}`, to: `op ${to}` }));
  const reached = new Set(inside.map((l) => l.to));
  // Which RDD reads which stage is not logged. Those that read no RDD of this stage read the stages before it.
  const first = graph.operators.filter((o) => !reached.has(`op ${o.id}`));
  const shuffled = first.filter((o) => o.rdds.some((r) => /shuffle|cogroup|subtract/i.test(r.name)));
  const readers = shuffled.length > 0 ? shuffled : first;
  return graph.parents.length === 0 ? inside : [...readers.map((o) => ({ from: PARENTS, to: `op ${o.id}`, faint: true })), ...inside];
}
