/** The line of an error that says most: what Python raised, else the last cause, else the first line. */
export function essence(error: string): string {
  const lines = error.split('\n');
  const traceback = lines.findIndex((l) => l.trimEnd().endsWith('Traceback (most recent call last):'));
  if (traceback !== -1) {
    // Frames of a traceback are indented; what ends them is the exception.
    const raised = lines.slice(traceback + 1).find((l) => l.trim() !== '' && !/^\s/.test(l));
    if (raised !== undefined) return raised.trim();
  }
  const first = lines.find((l) => l.trim() !== '')?.trim() ?? '';
  const cause = lines.findLast((l) => l.startsWith('Caused by: '))?.slice('Caused by: '.length).trim();
  if (cause === undefined) return first;
  // An exception without words says what failed, its cause why.
  return /^[\w.$]+$/.test(first) ? `${shortName(first)}: ${cause}` : cause;
}

const shortName = (exception: string): string => exception.split('.').pop() ?? exception;
