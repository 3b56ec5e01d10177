import type { TimedJob, TimedStage } from '../../api/stages';

/** The stages of a job and which reads which. */

export interface StageNode {
  stage: number;
  /** The last attempt; undefined if the log does not have the stage. */
  run: TimedStage | undefined;
  skipped: boolean;
}

export interface JobGraph {
  nodes: StageNode[];
  lines: { from: number; to: number }[];
  /** Skipped stages that are left out because only skipped ones read them. */
  hidden: number;
}

/** More skipped stages than this hide what ran. */
const MANY_SKIPPED = 12;

export function graphOf(job: TimedJob, stages: readonly TimedStage[], all: boolean): JobGraph {
  const runs = new Map<number, TimedStage>();
  for (const s of stages) {
    const known = runs.get(s.stage);
    if (!known || known.attempt < s.attempt) runs.set(s.stage, s);
  }
  const skipped = new Set(job.skippedStages);
  const nodes = job.stages.map((stage): StageNode => ({ stage, run: runs.get(stage), skipped: skipped.has(stage) || runs.get(stage)?.status === 'SKIPPED' }));
  const ids = new Set(job.stages);
  const lines = nodes.flatMap((n) => (n.run?.parents ?? []).filter((p) => ids.has(p)).map((from) => ({ from, to: n.stage })));
  if (all || nodes.filter((n) => n.skipped).length <= MANY_SKIPPED) return { nodes, lines, hidden: 0 };
  const ran = new Set(nodes.filter((n) => !n.skipped).map((n) => n.stage));
  const read = new Set(lines.filter((l) => ran.has(l.to)).map((l) => l.from));
  const shown = nodes.filter((n) => !n.skipped || read.has(n.stage));
  const kept = new Set(shown.map((n) => n.stage));
  return { nodes: shown, lines: lines.filter((l) => kept.has(l.from) && kept.has(l.to)), hidden: nodes.length - shown.length };
}
