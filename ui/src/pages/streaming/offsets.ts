import type { ProgressReport } from '../../api/ours';

/** Offsets of Kafka and sources like it: by topic and partition. */

interface TopicLag {
  source: string;
  topic: string;
  partitions: number;
  /** Rows that were there and not read after the batch. */
  lag: number | undefined;
  read: number | undefined;
  /** The partition that is furthest behind. */
  worst: { partition: string; lag: number } | undefined;
}

type Offsets = Record<string, Record<string, number>>;

export function topicLags({ sources = [] }: Pick<ProgressReport, 'sources'>): TopicLag[] {
  return sources.flatMap(({ description, startOffset, endOffset, latestOffset }) => {
    const [start, end, latest] = [startOffset, endOffset, latestOffset].map(offsets);
    if (!end) return [];
    return Object.entries(end).map(([topic, at]) => {
      const behind = Object.entries(at).flatMap(([partition, offset]) => {
        const last = latest?.[topic]?.[partition];
        return last === undefined ? [] : [{ partition, lag: Math.max(0, last - offset) }];
      });
      const read = Object.entries(at).flatMap(([partition, offset]) => {
        const first = start?.[topic]?.[partition];
        return first === undefined ? [] : [offset - first];
      });
      const worst = behind.reduce<TopicLag['worst']>((most, one) => (!most || one.lag > most.lag ? one : most), undefined);
      return {
        source: description,
        topic,
        partitions: Object.keys(at).length,
        lag: behind.length > 0 ? behind.reduce((sum, one) => sum + one.lag, 0) : undefined,
        read: read.length > 0 ? read.reduce((a, b) => a + b, 0) : undefined,
        worst,
      };
    });
  });
}

/** Offsets come as JSON, or as text that is JSON; of other sources they are anything. */
function offsets(value: unknown): Offsets | undefined {
  let json = value;
  if (typeof value === 'string') {
    try {
      json = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const topics = Object.entries(json);
  const fits = topics.length > 0 && topics.every(([, at]) => typeof at === 'object' && at !== null && Object.values(at).length > 0 && Object.values(at).every((n) => typeof n === 'number'));
  return fits ? (json as Offsets) : undefined;
}
