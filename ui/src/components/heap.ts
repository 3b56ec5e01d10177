type Values = (number | null)[];

/** Each series on top of those before it. What is not known adds nothing; where nothing is known, nothing is drawn. */
export function heaped(series: Values[]): Values[] {
  const length = Math.max(0, ...series.map((values) => values.length));
  const sums = new Array<number>(length).fill(0);
  const known = Array.from({ length }, (_, n) => series.some((values) => values[n] != null));
  return series.map((values) => sums.map((_, n) => (known[n] ? (sums[n] = (sums[n] ?? 0) + (values[n] ?? 0)) : null)));
}
