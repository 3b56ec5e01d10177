import type { StreamingSeries } from '../../api/ours';

const PAGE = 64;

/**
 * The place of a batch's report among all reports, which are in order but not every batch has one, and some have several: the
 * last of them. Begins where the series has the batch, then halves what is left.
 */
export async function seek({ batch, batches, points }: Pick<StreamingSeries, 'batch' | 'batches' | 'points'>, wanted: number, look: (offset: number, length: number) => Promise<number[]>): Promise<number | undefined> {
  const near = batch.findIndex((b) => b !== null && b >= wanted);
  const each = batches / Math.max(1, points);
  let [low, high] = [0, batches];
  let guess = Math.max(0, Math.round(near < 0 ? batches - PAGE / 2 : (near + 0.5) * each - PAGE / 2));
  while (low < high) {
    const offset = Math.max(low, Math.min(guess, high - 1));
    const page = await look(offset, PAGE);
    const [first, last] = [page[0], page[page.length - 1]];
    if (first === undefined || last === undefined) return undefined;
    const at = page.lastIndexOf(wanted);
    if (at >= 0) return offset + at;
    if (wanted < first) high = offset;
    else if (wanted > last) low = offset + page.length;
    else return undefined;
    guess = Math.floor((low + high) / 2);
  }
  return undefined;
}
