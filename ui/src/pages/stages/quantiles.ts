import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../../api/client';
import { type Resource, useResource } from '../../api/resource';
import { QUANTILES, type Stage, type StageRef, type TaskSummary, tasks, taskSummary } from '../../api/stages';
import type { AppRef } from '../../core/address';
import { measured } from './measures';

/** Spark sorts these with the failed tasks among the successful ones, and so gets them wrong where tasks failed. */
const MIXED = ['duration', 'schedulerDelay'] as const;

/** The quantiles over successful tasks: Spark's, put right where tasks did not succeed. */
export function useQuantiles(app: AppRef, ref: StageRef, stage: Stage, running: boolean): Resource<TaskSummary> {
  const spark = useResource(taskSummary(app, ref), { live: running });
  const wrong = stage.numFailedTasks + stage.numKilledTasks + stage.numActiveTasks > 0;
  const [right, setRight] = useState<{ of: TaskSummary; data: TaskSummary }>();
  useEffect(() => {
    const of = spark.data;
    if (!of || !wrong) return;
    const abort = new AbortController();
    corrected(app, ref, of, abort.signal).then(
      (data) => setRight({ of, data }),
      () => abort.signal.aborted || setRight({ of, data: of }),
    );
    return () => abort.abort();
  }, [spark.data, wrong]);
  if (!wrong || !spark.data) return spark;
  return { ...spark, data: right?.data, loading: spark.loading || right === undefined };
}

async function corrected(app: AppRef, ref: StageRef, summary: TaskSummary, signal: AbortSignal): Promise<TaskSummary> {
  const at = async (sort: string, offset: number) => fetchJson(tasks(app, ref, { status: ['SUCCESS'] }, sort, offset, 1), signal);
  const { filtered } = await at('duration', 0);
  const values = async (id: string) => {
    const found = await Promise.all(QUANTILES.map((q) => at(id, placeOf(q, filtered))));
    return found.map((one) => (one.tasks[0] && measured(id).ofTask(one.tasks[0])) ?? 0);
  };
  const [duration, schedulerDelay] = await Promise.all(MIXED.map(values));
  return { ...summary, duration: duration ?? summary.duration, schedulerDelay: schedulerDelay ?? summary.schedulerDelay };
}

/** Where a quantile stands among sorted values: as Spark has it, without interpolation. */
export function placeOf(quantile: number, count: number): number {
  return Math.max(0, Math.min(Math.floor(quantile * count), count - 1));
}
