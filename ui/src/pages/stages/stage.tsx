import { useEffect, useMemo } from 'preact/hooks';
import { type Stage, type StageRef, stageAttempts, stageExecutors } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { useCrumbs } from '../../app/breadcrumbs';
import { FindingsHere } from '../../components/finding/here';
import { Empty, Loaded, Skeleton } from '../../components/state';
import { Link } from '../../components/link';
import { type View, ViewTabs } from '../../components/tabs';
import { appUrl } from '../../core/address';
import { navigate, useParam } from '../../core/router';
import type { PageProps } from '..';
import { Accumulators } from './accumulators';
import { EventTimeline } from './event-timeline';
import { StageHeader } from './header';
import { RddGraph } from './rdd-graph';
import { Summary } from './summary';
import { TaskList } from './task-list';
import './stages.css';
import './stage.css';

/** A stage without an attempt in the address is its last one. */
export default function StagePage({ params }: PageProps) {
  return params.attempt === undefined ? <LastAttempt stage={params.stage ?? ''} /> : <Attempt stage={params.stage ?? ''} attempt={params.attempt} />;
}

function LastAttempt({ stage }: { stage: string }) {
  const { app } = useApp();
  const attempts = useResource(stageAttempts(app, stage));
  const last = attempts.data && Math.max(...attempts.data.map((a) => a.attemptId));
  useEffect(() => {
    if (last !== undefined) navigate(appUrl(app, `stages/${stage}/${last}`) + location.search, { replace: true });
  }, [last]);
  return <div class="stage-page"><Loaded of={attempts}>{() => null}</Loaded></div>;
}

/** One attempt of a stage. The view, its order, filters and the chosen task are in the address. */
function Attempt(ref: StageRef) {
  const { app, live } = useApp();
  const attempts = useResource(stageAttempts(app, ref.stage), { live });
  const executors = useResource(stageExecutors(app, ref), { live });
  const found = attempts.data?.find((a) => String(a.attemptId) === ref.attempt);
  const stage = useMemo(() => found && executors.data ? { ...found, executors: executors.data.executors, ...(executors.data.speculation && { speculation: executors.data.speculation }) } : found, [found, executors.data]);
  const several = (attempts.data?.length ?? 0) > 1 || ref.attempt !== '0';
  useCrumbs(1, [{ text: `Stage ${ref.stage}${several ? `, attempt ${ref.attempt}` : ''}` }]);
  return (
    <div class="stage-page" key={appUrl(app, `${ref.stage}/${ref.attempt}`)}>
      <Loaded of={attempts} skeleton={<div class="page"><Skeleton /></div>}>
        {(all) => (stage ? <Shown stage={stage} attempts={all} stageRef={ref} /> : <Empty title={`Stage ${ref.stage} has no attempt ${ref.attempt}`}>It has {all.map((a, at) => <>{at > 0 && ', '}<Link key={a.attemptId} to={appUrl(app, `stages/${ref.stage}/${a.attemptId}`)}>attempt {a.attemptId}</Link></>)}.</Empty>)}
      </Loaded>
    </div>
  );
}

/** Parameters that only one view knows. */
const OF_VIEWS = ['sort', 'status', 'executor', 'q', 'task', 'range', 'cols'];

function Shown({ stage, attempts, stageRef }: { stage: Stage; attempts: Stage[]; stageRef: StageRef }) {
  const [view] = useParam('view', 'summary');
  const never = stage.status === 'SKIPPED' || stage.status === 'PENDING';
  const tasks = stage.numActiveTasks + stage.numCompleteTasks + stage.numFailedTasks + stage.numKilledTasks;
  const views: View[] = [
    { id: 'summary', title: 'Summary' },
    { id: 'tasks', title: 'Tasks', count: tasks },
    { id: 'timeline', title: 'Timeline' },
    { id: 'graph', title: 'Graph' },
    { id: 'accumulators', title: 'Accumulators', count: stage.accumulatorUpdates.length },
  ];
  const shown = views.some((v) => v.id === view) ? view : 'summary';
  useEffect(() => {
    document.querySelector('.stage-page')?.scrollTo({ top: 0 });
  }, [shown]);
  return (
    <div class={`stage-inner${shown === 'tasks' ? ' filling' : ''}`}>
      <StageHeader stage={stage} attempts={attempts} />
      <div>
        <ViewTabs label="Views of the stage" views={views} shown={shown} drop={OF_VIEWS} />
      </div>
      {shown === 'summary' && <FindingsHere about={({ where }) => where.kind === 'stage' && where.stage === stage.stageId && where.attempt === stage.attemptId} />}
      {never && shown !== 'graph' ? <NeverRan stage={stage} /> : content(shown, stage, stageRef)}
    </div>
  );
}

function content(view: string, stage: Stage, stageRef: StageRef) {
  switch (view) {
    case 'tasks':
      return <TaskList stage={stage} stageRef={stageRef} />;
    case 'timeline':
      return <EventTimeline stage={stage} stageRef={stageRef} />;
    case 'graph':
      return <RddGraph stage={stage} stageRef={stageRef} />;
    case 'accumulators':
      return <Accumulators stage={stage} />;
    default:
      return <Summary stage={stage} stageRef={stageRef} />;
  }
}

function NeverRan({ stage }: { stage: Stage }) {
  return stage.status === 'SKIPPED' ? (
    <Empty title="This stage was skipped">Its output was still there from an earlier job, so none of its {stage.numTasks} tasks ran again. The graph shows what it would have computed.</Empty>
  ) : (
    <Empty title="This stage waits">It begins when the stages it reads from are complete. The graph shows what it will compute.</Empty>
  );
}
