import { useCallback, useEffect, useMemo, useRef } from 'preact/hooks';
import type { Finding } from '../../api/findings';
import { sqlExecution, type SqlExecution } from '../../api/ours';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { useCrumbs } from '../../app/breadcrumbs';
import { Button } from '../../components/button';
import { FindingsHere, useFindingsHere } from '../../components/finding/here';
import { Search } from '../../components/search';
import { Segments } from '../../components/segments';
import { Empty, Failed, Note, Skeleton } from '../../components/state';
import { type View, ViewTabs } from '../../components/tabs';
import type { AppRef } from '../../core/address';
import { setQuery, useParam } from '../../core/router';
import type { PageProps } from '..';
import { Graph } from './graph/graph';
import { Head } from './head';
import { Legend } from './legend';
import { NodePanel } from './panel/node-panel';
import { Summary } from './panel/summary';
import { difference, isChanged, told, type Told } from './plan/diff';
import { search } from './plan/find';
import { type Plan, planOf, shapeOf } from './plan/plan';
import { planText } from './plan/plan-text';
import { type Detail, firstDetail, reveal } from './plan/visible';
import { Jobs } from './tabs/jobs';
import { Operators } from './tabs/operators';
import { Settings } from './tabs/settings';
import { TextPlan } from './tabs/text';
import './panel/panel.css';
import './sql.css';

/** A SQL execution: its plan, where the time went, and what ran for it. */
export default function ExecutionPage({ params }: PageProps) {
  const { app, live } = useApp();
  const id = params.sql ?? '';
  const execution = useResource(sqlExecution(app, id), { live: (x) => live && x.status === 'RUNNING' });
  useCrumbs(1, [{ text: `Execution ${id}` }]);
  const { data, error } = execution;
  if (!data) return <div class="page sql-waiting">{error ? <Failed error={error} retry={execution.reload} /> : <Skeleton lines={10} />}</div>;
  return (
    <div class="sql-page">
      {error && <Note title={`Not up to date: ${error.message}`}>{error.advice}</Note>}
      <Content app={app} execution={data} />
    </div>
  );
}

const DETAILS: { value: Detail; text: string; title: string }[] = [
  { value: 'all', text: 'All', title: 'Every operator, as Spark draws them' },
  { value: 'main', text: 'Main', title: 'Without projections, shuffle readers and others that only hand rows on, unless they took time' },
  { value: 'stages', text: 'Codegen', title: 'One card for everything that was compiled into one function' },
];

function Content({ app, execution }: { app: AppRef; execution: SqlExecution }) {
  const [tab] = useParam('view', 'plan');
  const [node, setNode] = useParam('node');
  const [which] = useParam('plan', 'final');
  const [find, setFind] = useParam('find');
  const [fold, setFold] = useParam('fold');
  const [zoom, setZoom] = useParam('zoom');

  // While an execution runs, every answer is another object; the same plan with other numbers is laid out as before.
  const final = useMemo(() => planOf(execution), [execution]);
  const first = useMemo(() => execution.initial && planOf(execution.initial), [execution]);
  const compared = useMemo(() => first && difference(first, final), [first, final]);
  const changes = compared && isChanged(compared) ? compared : undefined;
  const initial = changes && first;
  const stories = useMemo(() => (initial && changes ? told(changes, initial, final) : []), [initial, changes, final]);
  const text = useMemo(() => planText(execution.planDescription, final), [execution.planDescription, final]);
  const shows = which === 'initial' && initial ? 'initial' : 'final';
  const plan = shows === 'initial' && initial ? initial : final;
  const other = shows === 'initial' ? final : initial;

  const usual = firstDetail(plan.operators.length);
  const [detail] = useParam('detail', usual);
  const asked = node === '' ? undefined : Number(node);
  const selected = asked !== undefined && plan.byId.has(asked) ? asked : undefined;
  const toggled = useMemo(() => new Set(fold.split(',').filter(Boolean).map(Number)), [fold]);
  const found = useMemo(() => search(plan, find), [plan, find]);
  const view = useMemo(() => {
    const keep = new Set(selected === undefined ? found : [...(found ?? []), selected]);
    return { detail: detail as Detail, toggled, keep };
  }, [detail, toggled, found, selected]);
  const shown = useMemo(() => (selected === undefined ? view : { ...view, toggled: reveal(plan, view, selected) }), [plan, view, selected]);

  useFollow(execution.id, final, shows === 'final' ? selected : undefined);

  const select = useCallback((id: number | undefined) => setNode(id === undefined ? undefined : String(id)), [setNode]);
  const toggle = useCallback((id: number) => {
    const next = new Set(shown.toggled);
    if (!next.delete(id)) next.add(id);
    setFold([...next].sort((a, b) => a - b).join(','));
  }, [shown, setFold]);
  const change = selected === undefined ? undefined : (shows === 'final' ? changes?.final : changes?.initial)?.get(selected);
  const partner = change && 'with' in change ? change.with : undefined;
  const ran = shows === 'final' ? selected : partner;
  /** To the same operator in the other plan. */
  const turn = (to: string, id?: number) => {
    const next = id ?? partner;
    setQuery({ plan: to === 'final' ? undefined : to, node: next === undefined ? undefined : String(next), fold: undefined });
  };
  const follow = ({ ids, of }: Told) => setQuery({ plan: of === 'final' ? undefined : of, node: String(ids[0]), view: undefined, ...(of !== shows && { fold: undefined }) });
  const toPlan = useCallback((id: number) => setQuery({ view: undefined, plan: undefined, node: String(id) }), []);

  const matches = found ? [...found] : [];
  const step = (by: number) => {
    const at = selected === undefined ? -1 : matches.indexOf(selected);
    const next = matches[(at + by + matches.length) % matches.length];
    if (next !== undefined) select(next);
  };

  const about = useCallback(({ where }: Finding) => (where.kind === 'sql' || where.kind === 'node') && where.sql === execution.id, [execution.id]);
  const findings = useFindingsHere(about);
  const withPanel = tab === 'plan' || tab === 'operators' || tab === 'text';
  return (
    <>
      <Head app={app} of={execution} />
      <ViewTabs label="Execution" views={viewsOf(execution, final.operators.length, findings.length)} shown={tab} />
      <div class="sql-body">
        {tab === 'plan' && (
          <div class="sql-main">
            <div class="sql-tools">
              <Search label="Find operators" value={find} onChange={setFind} wait={120} onEnter={() => matches.length > 0 && step(1)} />
              {found && (
                <>
                  <span class="muted nowrap" aria-live="polite">{matches.length === 0 ? 'none' : `${selected !== undefined && found.has(selected) ? `${matches.indexOf(selected) + 1} of ` : ''}${matches.length}`}</span>
                  {matches.length > 0 && <><Button icon="up" quiet label="The one before" onClick={() => step(-1)} /><Button icon="down" quiet label="The next one (Enter)" onClick={() => step(1)} /></>}
                </>
              )}
              {initial && <Segments label="Which plan" value={shows} onChange={(to) => turn(to)} options={[{ value: 'final', text: execution.status === 'RUNNING' ? 'Plan now' : execution.status === 'FAILED' ? 'Last plan' : 'Final plan', title: 'As it ran' }, { value: 'initial', text: 'Initial plan', title: 'Before adaptive execution changed it' }]} />}
              <Segments label="Detail" value={detail as Detail} onChange={(to) => setQuery({ detail: to === usual ? undefined : to, fold: undefined, zoom: undefined })} options={DETAILS} />
              <span class="spacer" />
              <Legend changed={initial !== undefined} timed={shows === 'final'} />
            </div>
            {plan.operators.length === 0 ? (
              <Empty title="No plan was logged">The execution's start is missing in the log, or it was written by a Spark without plans in its events.</Empty>
            ) : (
              <Graph name={`${execution.id} ${shows}`} plan={plan} view={shown} changes={shows === 'initial' ? changes?.initial : changes?.final} other={other} initial={shows === 'initial'} selected={selected} found={found} zoom={zoom} onZoom={setZoom} onSelect={select} onToggle={toggle} />
            )}
          </div>
        )}
        {tab === 'operators' && <div class="sql-main"><Operators app={app} execution={execution} plan={final} selected={ran} found={search(final, find)} onSelect={toFinal} /></div>}
        {tab === 'text' && <div class="sql-main"><TextPlan text={text} selected={ran} onSelect={toFinal} /></div>}
        {tab === 'jobs' && <Jobs app={app} execution={execution} plan={final} onSelect={toPlan} />}
        {tab === 'findings' && <div class="sql-scroll sql-findings">{findings.length === 0 ? <Empty title="Nothing found about this execution" /> : <FindingsHere place about={about} />}</div>}
        {tab === 'settings' && <Settings of={execution.modifiedConfigs} />}
        {withPanel && (
          <aside class={`panel${selected === undefined ? ' idle' : ''}`} aria-label={selected === undefined ? 'Where the time went' : 'The chosen operator'}>
            {selected === undefined ? (
              <Summary execution={execution} plan={final} changes={stories} findings={findings} onSelect={(id) => setQuery({ plan: undefined, node: String(id) })} onChange={follow} />
            ) : (
              <NodePanel app={app} execution={execution} plan={plan} id={selected} change={change} other={other} initial={shows === 'initial'} text={text}
                onSelect={select} onOther={(id) => turn(shows === 'initial' ? 'final' : 'initial', id)} onText={() => setQuery({ view: 'text' }, { push: true })} />
            )}
          </aside>
        )}
      </div>
    </>
  );
}

/** Ids are places in the plan. When adaptive execution changes it while one looks, the chosen operator is looked up again. */
function useFollow(execution: number, plan: Plan, selected: number | undefined): void {
  const before = useRef({ execution, plan });
  useEffect(() => {
    const last = before.current;
    before.current = { execution, plan };
    if (selected === undefined || last.plan === plan || last.execution !== execution || shapeOf(last.plan) === shapeOf(plan)) return;
    const change = difference(last.plan, plan).initial.get(selected);
    setQuery({ node: change && 'with' in change ? String(change.with) : undefined, fold: undefined });
  }, [execution, plan]);
}

const toFinal = (id: number): void => setQuery({ plan: undefined, node: String(id) });

function viewsOf(execution: SqlExecution, operators: number, findings: number): View[] {
  const settings = Object.keys(execution.modifiedConfigs).length;
  return [
    { id: 'plan', title: 'Plan' },
    { id: 'operators', title: 'Operators', count: operators },
    { id: 'text', title: 'Text plan' },
    { id: 'jobs', title: 'Jobs and stages', count: execution.stages.length },
    { id: 'settings', title: 'Settings', ...(settings > 0 && { count: settings }) },
    ...(findings > 0 ? [{ id: 'findings', title: 'Findings', count: findings }] : []),
  ];
}
