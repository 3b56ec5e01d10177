/** The line of an error that says most: of a Python traceback the last one, where the exception is; else the first. */
export function rootLine(text: string): string {
  const lines = text.trim().split('\n').map((line) => line.trim());
  const first = lines[0] ?? '';
  if (!text.includes('Traceback (most recent call last)')) return first;
  return lines.findLast((line) => /^[\w.]*(Error|Exception|Interrupt|Exit|Warning)\b[^(]*:/.test(line)) ?? first;
}
