import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../../api/client';
import { type Stage, stageQuantiles } from '../../api/stages';
import { sparkTime } from '../../api/spark';
import type { AppRef } from '../../core/address';
import { summaryOf } from './measures';
import { skewHint } from './skew';

type Hint = ReturnType<typeof skewHint>;

/** Answers about finished stages, kept while the page is open. */
const known = new Map<string, Hint | null>();
let running = 0;
const waiting: (() => void)[] = [];
const AT_ONCE = 3;

/** In a list: whether the stage's tasks are uneven. Asked for rows in view only, a few at a time. */
export function SkewHint({ app, stage }: { app: AppRef; stage: Stage }) {
  const endpoint = worthAsking(stage) ? stageQuantiles(app, { stage: String(stage.stageId), attempt: String(stage.attemptId) }) : undefined;
  const [, redraw] = useState(0);
  const url = endpoint?.url;
  useEffect(() => {
    if (!endpoint || known.has(endpoint.url)) return;
    const abort = new AbortController();
    void turn(abort.signal).then(async () => {
      try {
        const hint = skewHint(summaryOf(await fetchJson(endpoint, abort.signal)));
        if (stage.status !== 'ACTIVE') known.set(endpoint.url, hint ?? null);
        redraw((n) => n + 1);
      } catch {
        // No task succeeded, or the page was left: nothing to hint at.
      } finally {
        running -= 1;
        waiting.shift()?.();
      }
    }, () => undefined);
    return () => abort.abort();
  }, [url]);
  const hint = url === undefined ? undefined : known.get(url);
  if (hint === undefined) return <span class="muted" title={url === undefined ? 'Too short or too few tasks to tell' : undefined}>{url === undefined ? '–' : ''}</span>;
  if (hint === null) return <span class="muted" title="No task is much slower or larger than the median">even</span>;
  return <span class={`skew-ratio ${hint.level}`} title={hint.title}>▲ {hint.text}</span>;
}

function worthAsking(s: Stage): boolean {
  const from = sparkTime(s.submissionTime);
  const to = sparkTime(s.completionTime);
  return s.status === 'COMPLETE' && s.numTasks > 1 && from !== undefined && to !== undefined && to - from >= 500;
}

function turn(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const begin = () => {
      if (signal.aborted) {
        waiting.shift()?.();
        reject(new Error('left'));
        return;
      }
      running += 1;
      resolve();
    };
    if (running < AT_ONCE) begin();
    else waiting.push(begin);
  });
}
