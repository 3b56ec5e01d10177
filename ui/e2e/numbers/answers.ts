import type { ExecutorsTimeline, Overview } from '../../src/api/ours';
import type { Executor } from '../../src/api/spark';
import type { Job, JobsTimeline, Stage } from '../../src/api/stages';
import { type App, ask, ours, spark } from '../places';

/** Answers of the two APIs, each asked for once. */

const answers = new Map<string, Promise<unknown>>();

export function answer<T>(path: string): Promise<T> {
  const known = answers.get(path);
  if (known) return known as Promise<T>;
  const asked = ask<T>(path);
  answers.set(path, asked);
  return asked;
}

export const overviewOf = (app: App) => answer<Overview>(`${ours(app)}/overview`);
export const jobsOf = (app: App) => answer<Job[]>(`${spark(app)}/jobs`);
export const stagesOf = (app: App) => answer<Stage[]>(`${spark(app)}/stages`);
export const timelineOf = (app: App) => answer<JobsTimeline>(`${ours(app)}/jobs/timeline`);
export const executorsOf = (app: App) => answer<Executor[]>(`${spark(app)}/allexecutors`);
export const executorTimesOf = (app: App) => answer<ExecutorsTimeline>(`${ours(app)}/executors/timeline?points=500`);

const seen = new Set<string>();

/** Whether something is new: some of the logs are copies of one, each damaged in its own way, and most of their pages are the same. */
export function isNew(...what: unknown[]): boolean {
  const text = JSON.stringify(what);
  const known = seen.has(text);
  seen.add(text);
  return !known;
}

/** Epoch milliseconds of Spark's dates. */
export const moment = (date: string | undefined): number | undefined => {
  const ms = date === undefined ? NaN : Date.parse(date.replace('GMT', 'Z'));
  return ms >= 0 ? ms : undefined;
};

/** From one moment to another; what has not ended lasts to the last event of the log. */
export function lasted(from: string | undefined, to: string | undefined, of: Overview): number | undefined {
  const start = moment(from);
  return start === undefined ? undefined : Math.max(0, (moment(to) ?? of.endTime ?? of.lastEventTime) - start);
}

export const sum = <T>(all: T[], of: (one: T) => number): number => all.reduce((n, one) => n + of(one), 0);

/** `9 of 9 tasks done`, and what else is said on hover. */
export function progress(done: number, total: number, unit: string, more: [number, string][]): string {
  const n = (v: number) => v.toLocaleString('en-US');
  return [`${n(done)} of ${n(total)} ${unit} done`, ...more.filter(([v]) => v > 0).map(([v, word]) => `${n(v)} ${word}`)].join('\n');
}

/** Of rows that the page sorts itself: downwards by a number. */
export const down = <T>(rows: T[], by: (row: T) => number): T[] => [...rows].sort((a, b) => by(b) - by(a));
