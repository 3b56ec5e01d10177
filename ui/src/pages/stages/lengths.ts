import { sparkTime } from '../../api/spark';
import type { Job, Stage } from '../../api/stages';

/** How long something took; what has no end is measured to `until`, the present or the last word of the log. */
export function lengthOf(from: number | undefined, to: number | undefined, until: number | undefined): number | undefined {
  const end = to ?? until;
  return from === undefined || end === undefined ? undefined : Math.max(0, end - from);
}

export const stageLength = (s: Stage, until: number | undefined): number | undefined =>
  s.status === 'SKIPPED' || s.status === 'PENDING' ? undefined : lengthOf(sparkTime(s.submissionTime), sparkTime(s.completionTime), until);

export const jobLength = (j: Job, until: number | undefined): number | undefined =>
  lengthOf(sparkTime(j.submissionTime), sparkTime(j.completionTime), until);

/** Run time is counted in whole milliseconds a task: of tasks shorter than that, shares say nothing. */
const shareOf = (time: number, run: number): number | undefined => (run > 0 && time <= run ? time / run : undefined);

/** Garbage collection over run time. */
export const gcShare = (s: Stage): number | undefined => shareOf(s.jvmGcTime, s.executorRunTime);

/** Time on a processor over run time. */
export const cpuShare = (s: Stage): number | undefined => shareOf(s.executorCpuTime / 1e6, s.executorRunTime);

