import type { StreamingSeries, Values } from '../../api/ours';

/** The points of a series at some places, in the order of time, which charts need. All of them without places. */
export function part(of: StreamingSeries, places?: number[]): StreamingSeries {
  const known = (places ?? of.time.map((_, n) => n)).filter((n) => of.time[n] != null);
  const order = known.sort((a, b) => (of.time[a] ?? 0) - (of.time[b] ?? 0));
  const pick = (values: Values): Values => order.map((n) => values[n] ?? null);
  const picked = (all: Record<string, Values>) => Object.fromEntries(Object.entries(all).map(([name, values]) => [name, pick(values)]));
  return {
    ...of,
    points: order.length,
    batch: pick(of.batch),
    time: pick(of.time),
    inputRows: pick(of.inputRows),
    inputRate: pick(of.inputRate),
    processedRate: pick(of.processedRate),
    duration: picked(of.duration),
    watermark: pick(of.watermark),
    watermarkLag: pick(of.watermarkLag),
    operators: of.operators.map((o) => ({
      name: o.name,
      rows: pick(o.rows),
      updated: pick(o.updated),
      removed: pick(o.removed),
      dropped: pick(o.dropped),
      updateTime: pick(o.updateTime),
      removalTime: pick(o.removalTime),
      commitTime: pick(o.commitTime),
      memory: pick(o.memory),
      instances: pick(o.instances),
      custom: picked(o.custom),
    })),
    sources: of.sources.map((s) => ({ description: s.description, inputRows: pick(s.inputRows), lag: pick(s.lag) })),
  };
}
