import { useMemo } from 'preact/hooks';
import { type Resource, useResource } from '../../api/resource';
import { type StageRef, stageQuantiles } from '../../api/stages';
import type { AppRef } from '../../core/address';
import { type TaskSummary, summaryOf } from './measures';

export interface Quantiles extends Resource<TaskSummary> {
  /** No task has succeeded: there is an answer, and nothing in it. */
  none: boolean;
}

/** The quantiles over successful tasks. */
export function useQuantiles(app: AppRef, ref: StageRef, running: boolean): Quantiles {
  const found = useResource(stageQuantiles(app, ref), { live: running });
  const summary = useMemo(() => found.data && summaryOf(found.data), [found.data]);
  const none = summary?.tasks === 0;
  return { ...found, data: none ? undefined : summary, none };
}
