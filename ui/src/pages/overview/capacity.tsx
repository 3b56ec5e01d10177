import { useMemo } from 'preact/hooks';
import type { ExecutorsTimeline } from '../../api/ours';
import { Chart, type Series } from '../../components/chart';
import { count, counted } from '../../core/format';

/** Cores that were there against tasks that ran: the gap is idle. */
export function Capacity({ of, height }: { of: ExecutorsTimeline; height?: number }) {
  const { time, executors, cores, runningTasks } = of.series;
  const series = useMemo<Series[]>(
    () => [
      { name: 'Cores', values: cores, color: '--c5', steps: true, filled: true, show: (v) => counted(v, 'core') },
      { name: 'Running tasks', values: runningTasks, color: '--c3', filled: true, show: (v) => counted(Math.round(v * 10) / 10, 'task') },
      { name: 'Executors', values: executors, color: '--c1', steps: true, dashed: true, show: (v) => counted(v, 'executor') },
    ],
    [of],
  );
  return <Chart label="Executors over time" at={time} series={series} height={height ?? 236} axis={count} marks="whole" />;
}
