import type { Layout } from '../plan/layout';
import type { Drawn } from '../plan/visible';

type Step = 'Up' | 'Down' | 'Left' | 'Right' | 'Home' | 'End';

/** Where a key leads from a card: up to what it reads, down to what reads it, sideways to what the same one reads. */
export function walk({ lines }: Drawn, { boxes }: Layout, from: number | undefined, step: Step): number | undefined {
  const all = [...boxes.values()];
  const root = all.find((box) => box.rank === 0)?.id;
  if (from === undefined || step === 'End') return root;
  if (step === 'Home') return all.reduce<(typeof all)[number] | undefined>((top, box) => (!top || box.rank > top.rank ? box : top), undefined)?.id;
  const inputs = (id: number) => lines.filter((line) => line.to === id).map((line) => line.from);
  const consumers = lines.filter((line) => line.from === from).map((line) => line.to);
  if (step === 'Up') return inputs(from)[0];
  if (step === 'Down') return consumers[0];
  const siblings = consumers.flatMap(inputs).sort((a, b) => (boxes.get(a)?.x ?? 0) - (boxes.get(b)?.x ?? 0));
  const near = siblings[siblings.indexOf(from) + (step === 'Right' ? 1 : -1)];
  if (near !== undefined) return near;
  // Nothing beside it at its own consumer: the nearest card of the same layer.
  const at = boxes.get(from);
  if (!at) return undefined;
  const layer = all.filter((box) => box.rank === at.rank).sort((a, b) => a.x - b.x);
  return layer[layer.indexOf(at) + (step === 'Right' ? 1 : -1)]?.id;
}
