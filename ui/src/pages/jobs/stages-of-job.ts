import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../../api/client';
import { LIVE_MS } from '../../api/resource';
import { type Stage, stageAttempts, stages } from '../../api/stages';
import type { AppRef } from '../../core/address';

/** A job of few stages asks for each; of many, for all of the application at once. */
const FEW = 16;

interface StagesOf {
  data: Stage[] | undefined;
  failed: boolean;
  retry: () => void;
}

/** All attempts of some stages; undefined until they are there. */
export function useStagesOf(app: AppRef, ids: readonly number[] | undefined, live: boolean): StagesOf {
  const [asked, retry] = useState(0);
  const [state, setState] = useState<{ data: Stage[] | undefined; failed: boolean }>({ data: undefined, failed: false });
  const key = ids?.join(' ');
  useEffect(() => {
    if (!ids) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      try {
        setState({ data: await ask(app, ids, abort.signal), failed: false });
      } catch {
        if (abort.signal.aborted) return;
        setState((s) => ({ data: s.data, failed: true }));
      }
      if (live && !abort.signal.aborted) timer = setTimeout(() => void load(), LIVE_MS);
    };
    void load();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [app, key, live, asked]);
  return { ...state, retry: () => retry((n) => n + 1) };
}

async function ask(app: AppRef, ids: readonly number[], signal: AbortSignal): Promise<Stage[]> {
  if (ids.length > FEW) {
    const wanted = new Set(ids);
    return (await fetchJson(stages(app), signal)).filter((s) => wanted.has(s.stageId));
  }
  // A stage that the log does not have (its events were lost) is no reason to show none.
  const found = await Promise.allSettled(ids.map((id) => fetchJson(stageAttempts(app, id), signal)));
  const answers = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const first = found.find((one) => one.status === 'rejected');
  if (answers.length === 0 && first) throw first.reason;
  return answers;
}

/** The last attempt of each. */
export function lastAttempts(all: readonly Stage[]): Map<number, Stage> {
  const last = new Map<number, Stage>();
  for (const s of all) if ((last.get(s.stageId)?.attemptId ?? -1) <= s.attemptId) last.set(s.stageId, s);
  return last;
}
