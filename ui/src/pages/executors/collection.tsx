import { useMemo } from 'preact/hooks';
import type { ExecutorsTimeline } from '../../api/ours';
import { Chart, type Series } from '../../components/chart';
import { Empty } from '../../components/state';
import { percent } from '../../core/format';

/** What of the run time of tasks was garbage collection, as tasks said when they ended. */
export function Collection({ of }: { of: ExecutorsTimeline }) {
  const { time, gcShare } = of.series;
  const series = useMemo<Series[]>(() => [{ name: 'Share of run time', values: gcShare, color: '--c6', filled: true, show: percent }], [of]);
  if (!gcShare.some((v) => v !== null)) return <Empty title="No task has ended">Tasks say what they spent on collection when they end.</Empty>;
  return <Chart label="Garbage collection over time" at={time} series={series} height={170} axis={percent} />;
}
