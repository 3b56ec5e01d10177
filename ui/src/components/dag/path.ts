/** A line through points as an SVG path, its corners rounded. */
export function rounded(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${n(first.x)} ${n(first.y)}`;
  for (const [at, point] of rest.entries()) {
    const next = rest[at + 1];
    if (next) path += `Q${n(point.x)} ${n(point.y)} ${n((point.x + next.x) / 2)} ${n((point.y + next.y) / 2)}`;
    else path += `L${n(point.x)} ${n(point.y)}`;
  }
  return path;
}

const n = (value: number): string => String(Math.round(value * 10) / 10);
