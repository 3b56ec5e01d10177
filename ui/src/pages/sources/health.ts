import type { Source } from '../../api/ours';
import type { Tone } from '../../components/badge';
import { ago } from '../../core/format';

interface Health {
  tone: Tone;
  word: string;
  /** What is the matter and what to do. */
  text: string;
}

/** Sources are listed every few seconds to minutes; after so long nobody does it any more. */
const STALE_MS = 15 * 60_000;

export function healthOf(source: Source, now: number): Health {
  if (source.problem) return { tone: 'fail', word: 'Not readable', text: source.problem };
  if (source.lastSuccess === undefined) return { tone: 'run', word: 'First listing', text: 'It is being listed for the first time; applications appear while that goes on.' };
  if (now - source.lastSuccess > STALE_MS) {
    return { tone: 'warn', word: 'Not followed', text: `Nothing has listed it for ${ago(source.lastSuccess, now).replace(' ago', '')}. Check that "afterglow serve" or "afterglow ingest" runs with this source in its settings.` };
  }
  if (source.logs === 0) return { tone: 'warn', word: 'No logs', text: 'It can be listed, but holds no event log. Check the path, and spark.eventLog.dir and spark.eventLog.enabled of the cluster.' };
  return { tone: 'ok', word: 'Healthy', text: '' };
}
