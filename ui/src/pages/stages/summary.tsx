import type { Stage, StageRef } from '../../api/stages';
import { useApp } from '../../app/app-context';
import { StackedBar } from '../../components/bar';
import { Bytes, Count, Duration, Nanos, Percent } from '../../components/number';
import { Progress } from '../../components/progress';
import { Fact, Facts, Section } from '../../components/section';
import { Empty, Failed, Skeleton } from '../../components/state';
import { Distribution } from './distribution';
import { StageExecutors } from './executors';
import { cpuShare, gcShare, stageLength } from './lengths';
import { LocalityLine } from './locality';
import type { TaskSummary } from './measures';
import { timeSpent } from './phases';
import { QuantileTable } from './quantile-table';
import { type Quantiles, useQuantiles } from './quantiles';
import { StandOut } from './stand-out';
import { TaskScatter } from './task-scatter';
import { useSpan } from './span';

/** The stage at a glance: numbers, what stands out, and how its tasks differ. */
export function Summary({ stage, stageRef }: { stage: Stage; stageRef: StageRef }) {
  const { app, live } = useApp();
  const running = live && stage.status === 'ACTIVE';
  const summary = useQuantiles(app, stageRef, running);
  const began = stage.numActiveTasks + stage.numCompleteTasks + stage.numFailedTasks + stage.numKilledTasks > 0;
  return (
    <>
      <Section title="Key numbers">
        <KeyNumbers stage={stage} stageRef={stageRef} running={running} />
      </Section>
      {began ? <Details stage={stage} stageRef={stageRef} summary={summary} running={running} /> : <Empty title="No task has started">The stage waits for executors or for a free core.</Empty>}
    </>
  );
}

function Details({ stage, stageRef, summary, running }: { stage: Stage; stageRef: StageRef; summary: Quantiles; running: boolean }) {
  return (
    <>
      <div class="columns">
        <StandOut stage={stage} stageRef={stageRef} summary={summary} />
        <Section title="Where task time went" help="taskTime">
          {stage.executors ? <StackedBar label="Task time by what it was spent on" parts={timeSpent(stage)} show={(ms) => <Duration v={ms} />} /> : <Skeleton lines={5} />}
        </Section>
      </div>
      <Section title="Tasks by quantile" help="quantiles" flush>
        <OfSummary summary={summary}>{(data) => <QuantileTable summary={data} />}</OfSummary>
      </Section>
      <div class="columns">
        <Distribution stageRef={stageRef} summary={summary.data} running={running} />
        <TaskScatter stageRef={stageRef} summary={summary.data} waiting={!summary.data && !summary.error && !summary.none} running={running} />
      </div>
      <StageExecutors stage={stage} />
    </>
  );
}

function OfSummary({ summary, children }: { summary: Quantiles; children: (data: TaskSummary) => preact.ComponentChildren }) {
  if (summary.data) return <>{children(summary.data)}</>;
  if (summary.none) return <Empty title="No task has succeeded">Quantiles are over successful tasks only; the task table has those that failed or still run.</Empty>;
  if (summary.error) return <Failed error={summary.error} retry={summary.reload} />;
  return <div class="section-body"><Skeleton /></div>;
}

function KeyNumbers({ stage, stageRef, running }: { stage: Stage; stageRef: StageRef; running: boolean }) {
  const span = useSpan();
  const cpu = cpuShare(stage);
  const taskTime = stage.executors?.reduce((sum, e) => sum + e.taskTime, 0);
  return (
    <Facts>
      <Fact name="Duration"><Duration v={stageLength(stage, span.end)} /></Fact>
      <Fact name="Tasks">
        <Progress done={stage.numCompleteTasks} total={stage.numTasks} failed={stage.numFailedTasks} killed={stage.numKilledTasks} running={stage.numActiveTasks} unit="tasks" />
      </Fact>
      <Fact name="Task time" help="taskTime"><Duration v={taskTime} /></Fact>
      <Fact name="Run time" help="executorTime"><Duration v={stage.executorRunTime} /></Fact>
      <Fact name="CPU time">
        <Nanos v={stage.executorCpuTime} /> {cpu !== undefined && <span class="muted">(<Percent v={cpu} />)</span>}
      </Fact>
      <Fact name="GC time" help="gcShare">
        <Duration v={stage.jvmGcTime} /> {gcShare(stage) !== undefined && <span class="muted">(<Percent v={gcShare(stage)} />)</span>}
      </Fact>
      <Volume name="Input" bytes={stage.inputBytes} records={stage.inputRecords} />
      <Volume name="Output" bytes={stage.outputBytes} records={stage.outputRecords} />
      <Volume name="Shuffle read" bytes={stage.shuffleReadBytes} records={stage.shuffleReadRecords} />
      <Volume name="Shuffle write" bytes={stage.shuffleWriteBytes} records={stage.shuffleWriteRecords} />
      {stage.memoryBytesSpilled + stage.diskBytesSpilled > 0 && (
        <Fact name="Spill" help="spill">
          <Bytes v={stage.diskBytesSpilled} /> <span class="muted">disk, <Bytes v={stage.memoryBytesSpilled} /> memory</span>
        </Fact>
      )}
      <LocalityLine stage={stage} stageRef={stageRef} running={running} />
    </Facts>
  );
}

function Volume({ name, bytes, records }: { name: string; bytes: number; records: number }) {
  if (bytes === 0 && records === 0) return null;
  return (
    <Fact name={name}>
      <Bytes v={bytes} /> <span class="muted nowrap"><Count v={records} unit="records" /> records</span>
    </Fact>
  );
}
