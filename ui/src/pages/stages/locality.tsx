import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../../api/client';
import { type Stage, type StageRef, tasks } from '../../api/stages';
import { useApp } from '../../app/app-context';
import { Fact } from '../../components/section';
import type { AppRef } from '../../core/address';
import { count } from '../../core/format';

const LEVELS = ['PROCESS_LOCAL', 'NODE_LOCAL', 'NO_PREF', 'RACK_LOCAL'] as const;

/** How many tasks ran how near to their data. The API finds tasks by these words; what has none of them ran anywhere. */
export function LocalityLine({ stage, stageRef, running }: { stage: Stage; stageRef: StageRef; running: boolean }) {
  const { app } = useApp();
  const [found, setFound] = useState<[level: string, tasks: number][]>();
  const ran = stage.numCompleteTasks + stage.numFailedTasks + stage.numKilledTasks + stage.numActiveTasks;
  useEffect(() => {
    const abort = new AbortController();
    countLevels(app, stageRef, abort.signal).then(setFound, () => undefined);
    return () => abort.abort();
  }, [stageRef.stage, stageRef.attempt, running ? ran : 0]);
  if (!found || found.length === 0) return null;
  return (
    <Fact name="Locality" help="locality">
      {found.map(([level, n], at) => (
        <span key={level}>{at > 0 && ', '}{level} {count(n)}</span>
      ))}
    </Fact>
  );
}

async function countLevels(app: AppRef, ref: StageRef, signal: AbortSignal): Promise<[string, number][]> {
  const answers = await Promise.all(LEVELS.map((q) => fetchJson(tasks(app, ref, { q }, 'index', 0, 1), signal)));
  const known = LEVELS.map((level, at): [string, number] => [level, answers[at]?.filtered ?? 0]);
  const total = answers[0]?.total ?? 0;
  const any = total - known.reduce((sum, [, n]) => sum + n, 0);
  return [...known, ['ANY', Math.max(0, any)] as [string, number]].filter(([, n]) => n > 0);
}
