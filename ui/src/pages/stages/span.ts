import { useMemo } from 'preact/hooks';
import { useApp } from '../../app/app-context';

/** The time an application takes up. */
export interface Span {
  start: number | undefined;
  /** What the lengths of things that have not ended are measured to: the last event that is known, as everywhere in Afterglow. */
  end: number | undefined;
}

export function useSpan(): Span {
  const { overview } = useApp();
  const start = overview.data?.startTime;
  const end = overview.data?.endTime ?? overview.data?.lastEventTime;
  return useMemo(() => ({ start, end }), [start, end]);
}
