import type { Job, Stage } from '../../src/api/stages';
import { kindOf } from '../../src/components/badge';
import { type App, pages } from '../places';
import { down, jobsOf, lasted, moment, overviewOf, progress, stagesOf, sum, timelineOf } from './answers';
import { percent, type Reader, type Row } from './reader';

const JOB_COLUMNS = 'id.status.name.sql.submitted.duration.stages.tasks.group';
const STAGE_COLUMNS =
  'id.status.name.submitted.duration.tasks.input.output.shuffleRead.shuffleWrite.spill.gc.runTime.failed.killed.inputRecords.outputRecords.shuffleReadRecords.shuffleWriteRecords.memorySpill.pool';

/** The list of all stages has further columns, and the names of our API. */
const LIST_COLUMNS =
  'id.status.name.submitTime.duration.tasks.inputBytes.outputBytes.shuffleReadBytes.shuffleWriteBytes.diskSpilled.gcShare.runTime.failedTasks.killedTasks.inputRecords.outputRecords.shuffleReadRecords.shuffleWriteRecords.memorySpilled.pool';

const stagesDone = (j: Job) => progress(j.numCompletedStages, j.stageIds.length - j.numSkippedStages, 'stages', [[j.numActiveStages, 'running'], [j.numSkippedStages, 'skipped'], [j.numFailedStages, 'failed']]);
const tasksDone = (j: Job) => progress(j.numCompletedIndices, j.numTasks - j.numSkippedTasks, 'tasks', [[j.numActiveTasks, 'running'], [j.numFailedTasks, 'failed'], [j.numKilledTasks, 'killed']]);

export async function jobs(see: Reader, app: App): Promise<void> {
  const [all, timeline, overview] = await Promise.all([jobsOf(app), timelineOf(app), overviewOf(app)]);
  if (all.length === 0) return;
  const row = (j: Job): Row => {
    const sql = timeline.jobs.find((t) => t.id === j.jobId)?.sql;
    return {
      Job: String(j.jobId),
      Status: kindOf(j.status).word,
      SQL: sql === undefined ? '–' : String(sql),
      Submitted: moment(j.submissionTime),
      Duration: lasted(j.submissionTime, j.completionTime, overview),
      Stages: stagesDone(j),
      Tasks: tasksDone(j),
      Group: j.jobGroup ?? '–',
    };
  };
  await see.go(`${pages(app)}/jobs?cols=${JOB_COLUMNS}`);
  await see.table('Jobs', down(all, (j) => j.jobId).map(row));
  await see.go(`${pages(app)}/jobs?cols=${JOB_COLUMNS}&sort=-tasks`);
  await see.table('Jobs', down(all, (j) => j.numTasks).map(row));
  const failed = all.filter((j) => j.status === 'FAILED');
  if (failed.length > 0) {
    await see.go(`${pages(app)}/jobs?cols=${JOB_COLUMNS}&status=FAILED`);
    await see.table('Jobs', down(failed, (j) => j.jobId).map(row));
  }
  const some = new Set([all[0], all.at(-1), failed[0], down(all, (j) => j.numTasks)[0]]);
  for (const j of some) if (j) await job(see, app, j);
}

async function job(see: Reader, app: App, j: Job): Promise<void> {
  const [all, overview] = await Promise.all([stagesOf(app), overviewOf(app)]);
  const own = all.filter((s) => j.stageIds.includes(s.stageId));
  const total = (of: (s: Stage) => number) => sum(own, of);
  const some = (name: string, n: number): Row => (n > 0 ? { [name]: n } : {});
  await see.go(`${pages(app)}/jobs/${j.jobId}?cols=${STAGE_COLUMNS}`);
  await see.facts('Key numbers', {
    Duration: lasted(j.submissionTime, j.completionTime, overview),
    Submitted: moment(j.submissionTime),
    Stages: stagesDone(j),
    Tasks: tasksDone(j),
    'Run time': total((s) => s.executorRunTime),
    ...some('Input', total((s) => s.inputBytes)),
    ...some('Output', total((s) => s.outputBytes)),
    ...some('Shuffle write', total((s) => s.shuffleWriteBytes)),
    ...some('Spill', total((s) => s.diskBytesSpilled)),
  });
  if (own.length > 0) {
    const lines = [...own].sort((a, b) => a.stageId - b.stageId || a.attemptId - b.attemptId);
    await see.table('Stages of the job', await Promise.all(lines.map((s) => stageRow(app, s))));
  }
}

/** As lists of stages have it. */
async function stageRow(app: App, s: Stage): Promise<Row> {
  const size = (n: number) => (n === 0 ? '–' : n);
  const gc = s.executorRunTime > 0 && s.jvmGcTime <= s.executorRunTime ? s.jvmGcTime / s.executorRunTime : undefined;
  const never = s.status === 'SKIPPED' || s.status === 'PENDING';
  return {
    Stage: s.attemptId > 0 ? `${s.stageId}.${s.attemptId}` : String(s.stageId),
    Status: kindOf(s.status).word,
    Submitted: moment(s.submissionTime),
    Duration: never ? '–' : lasted(s.submissionTime, s.completionTime, await overviewOf(app)),
    Tasks: s.status === 'SKIPPED' ? s.numTasks : progress(s.numCompleteTasks, s.numTasks, 'tasks', [[s.numActiveTasks, 'running'], [s.numFailedTasks, 'failed'], [s.numKilledTasks, 'killed']]),
    Input: size(s.inputBytes),
    Output: size(s.outputBytes),
    'Shuffle read': size(s.shuffleReadBytes),
    'Shuffle write': size(s.shuffleWriteBytes),
    Spill: size(s.diskBytesSpilled),
    'GC share': gc === undefined ? '–' : gc === 0 ? '0%' : percent(gc),
    'Run time': s.executorRunTime,
    'Failed tasks': s.numFailedTasks,
    'Killed tasks': s.numKilledTasks,
    'Input records': s.inputRecords,
    'Output records': s.outputRecords,
    'Shuffle read records': s.shuffleReadRecords,
    'Shuffle write records': s.shuffleWriteRecords,
    'Spill (memory)': s.memoryBytesSpilled,
    Pool: s.schedulingPool,
  };
}

export async function stages(see: Reader, app: App): Promise<void> {
  const all = await stagesOf(app);
  if (all.length === 0) return;
  const rows = (of: Stage[]) => Promise.all(of.map(async (s) => ({ ...(await stageRow(app, s)), 'Spill (memory)': s.memoryBytesSpilled || '–' })));
  await see.go(`${pages(app)}/stages?cols=${LIST_COLUMNS}`);
  await see.table('Stages', await rows(down(all, (s) => s.stageId + s.attemptId / 1000)));
  await see.go(`${pages(app)}/stages?cols=${LIST_COLUMNS}&sort=-runTime`);
  await see.table('Stages', await rows(down(all, (s) => s.executorRunTime)));
  for (const status of new Set(all.map((s) => s.status))) {
    await see.go(`${pages(app)}/stages?cols=${LIST_COLUMNS}&sort=-runTime&status=${status}`);
    await see.table('Stages', await rows(down(all.filter((s) => s.status === status), (s) => s.executorRunTime)));
  }
}
