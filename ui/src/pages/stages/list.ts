/** Every word is somewhere in the texts. */
export function fits(q: string, texts: readonly (string | undefined)[]): boolean {
  const words = q.toLowerCase().split(/\s+/).filter((w) => w !== '');
  if (words.length === 0) return true;
  const all = texts.filter((t) => t !== undefined).join('\n').toLowerCase();
  return words.every((word) => all.includes(word));
}
