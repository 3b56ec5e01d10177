import { useMemo } from 'preact/hooks';
import type { SqlExecution } from '../../../api/ours';
import { Meter } from '../../../components/bar';
import { Icon } from '../../../components/icon';
import { Link } from '../../../components/link';
import { Count, Duration, Percent } from '../../../components/number';
import { Search } from '../../../components/search';
import { Empty } from '../../../components/state';
import { type Column, Table } from '../../../components/table';
import { type AppRef, appUrl } from '../../../core/address';
import { counted } from '../../../core/format';
import { useParam, usePlace, withQuery } from '../../../core/router';
import { Glyph } from '../graph/glyph';
import { flags, heat, rowsOut } from '../plan/metric';
import { kindOf, subtitle } from '../plan/operator';
import type { Plan } from '../plan/plan';
import { type OperatorRow, operatorRows } from '../plan/rows';

interface Props {
  app: AppRef;
  execution: SqlExecution;
  plan: Plan;
  selected: number | undefined;
  found: ReadonlySet<number> | undefined;
  onSelect: (id: number) => void;
}

/** The operators as a table: sorted by what hurts, or as the plan has them. */
export function Operators({ app, execution, plan, selected, found, onSelect }: Props) {
  const rows = useMemo(() => operatorRows(plan), [plan]);
  const shown = useMemo(() => columns(app, execution, plan, onSelect), [appUrl(app), execution, plan, onSelect]);
  const { path, query } = usePlace();
  const [find, setFind] = useParam('find');
  const fitting = found ? rows.filter((row) => found.has(row.node.id)) : rows;
  return (
    <Table
      id="sql-operators"
      prefix="o."
      label="Operators of the plan"
      columns={shown}
      rows={fitting}
      shows={find}
      rowKey={(row) => String(row.node.id)}
      href={(row) => withQuery(path, query, { plan: undefined, node: String(row.node.id) })}
      rowClass={(row) => (row.node.id === selected ? 'chosen' : undefined)}
      sort="order"
      fill
      bar={<><Search label="Find operators" value={find} onChange={setFind} wait={120} /><span class="muted nowrap">{counted(fitting.length, 'operator')}</span><span class="spacer" /></>}
      empty={<Empty title={found ? 'No operator fits' : 'No plan was logged'} />}
    />
  );
}

const columns = (app: AppRef, execution: SqlExecution, plan: Plan, onSelect: (id: number) => void): Column<OperatorRow>[] => [
  { id: 'order', title: 'Order', width: 86, right: true, sort: (r) => r.order, cell: (r) => <Count v={r.order} /> },
  {
    id: 'operator', title: 'Operator', width: 250, grow: 3, pin: true, sort: (r) => r.node.name,
    cell: (r) => (
      <span class="op-cell" style={{ paddingLeft: `${Math.min(r.depth, 14) * 9}px` }}>
        <Glyph kind={kindOf(r.node.name)} />
        <button type="button" class="plain-link clip" title={r.node.description} onClick={() => onSelect(r.node.id)}>{r.node.name}</button>
      </span>
    ),
  },
  {
    id: 'share', title: 'Share', help: 'operatorTime', width: 150, down: true, sort: (r) => r.node.share,
    cell: (r) => r.node.share !== undefined && <span class={`heat${heat(r.node.share)}`}><Meter share={r.node.share} tone="--heat"><Percent v={r.node.share} /></Meter></span>,
  },
  { id: 'time', title: 'Time', width: 96, right: true, down: true, sort: (r) => r.node.time, cell: (r) => r.node.time !== undefined && <Duration v={r.node.time} /> },
  { id: 'rows', title: 'Rows out', width: 120, right: true, down: true, sort: (r) => rowsOut(plan, r.node.id), cell: (r) => <Rows v={rowsOut(plan, r.node.id)} /> },
  {
    id: 'wrong', title: 'Look at', width: 150, grow: 1, down: true, sort: (r) => flags(r.node).length || undefined,
    cell: (r) => flags(r.node).map((flag) => <span key={flag.kind} class="op-flag" title={flag.exact}><Icon name="warning" />{flag.text}</span>),
  },
  {
    id: 'stages', title: 'Stages', width: 110, sort: (r) => r.node.stages?.[0],
    cell: (r) => <span class="clip sql-ids">{(r.node.stages ?? []).map((stage) => <Link key={stage} to={appUrl(app, `stages/${stage}/${attemptOf(execution, stage)}`)}>{String(stage)}</Link>)}</span>,
  },
  { id: 'cluster', title: 'Compiled into', width: 170, spare: true, sort: (r) => r.node.cluster, cell: (r) => <span class="clip">{plan.byId.get(r.node.cluster ?? NaN)?.name}</span> },
  { id: 'description', title: 'Description', width: 200, grow: 5, cell: (r) => <span class="clip muted" title={r.node.description}>{subtitle(r.node)}</span> },
];

const Rows = ({ v }: { v: number | undefined }) => (v === undefined ? null : <Count v={v} unit="rows" />);

/** The last attempt: the one whose output was used. */
function attemptOf(execution: SqlExecution, stage: number): number {
  return execution.stages.reduce((last, s) => (s.stage === stage ? Math.max(last, s.attempt) : last), 0);
}
