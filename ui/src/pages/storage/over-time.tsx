import { useMemo } from 'preact/hooks';
import { type StorageTimeline, storageTimeline } from '../../api/ours';
import { useResource } from '../../api/resource';
import { Chart, type Series } from '../../components/chart';
import { Bytes, Count } from '../../components/number';
import { Section } from '../../components/section';
import { Empty, Loaded, Skeleton } from '../../components/state';
import type { AppRef } from '../../core/address';
import { bytes, count, counted } from '../../core/format';

/** What was stored in all executors while the application ran, where its log has block updates. */
export function StorageOverTime({ app, live, nothing }: { app: AppRef; live: boolean; nothing: boolean }) {
  const timeline = useResource(storageTimeline(app), { live });
  // The page says already that there is nothing, and which setting may be why.
  if (nothing && timeline.data && !timeline.data.known) return null;
  return (
    <Section title="Stored over time">
      <Loaded of={timeline} skeleton={<Skeleton height={190} />}>{(data) => <Shown of={data} />}</Loaded>
    </Section>
  );
}

function Shown({ of: { known, series: all } }: { of: StorageTimeline }) {
  const evicted = (all?.evicted ?? []).reduce((sum, n) => sum + n, 0);
  const series = useMemo<Series[]>(() => {
    if (!all) return [];
    const stored: Series[] = [
      { name: 'In memory', values: all.memory, color: '--c3', steps: true, filled: true, show: bytes },
      { name: 'On disk', values: all.disk, color: '--c4', steps: true, show: bytes },
    ];
    return evicted === 0 ? stored : [...stored, { name: 'Evicted', values: all.evicted, color: '--c6', dashed: true, right: true, show: (v) => counted(v, 'block') }];
  }, [all]);
  if (!known) return <Empty title="Not known">The log has no block updates. Turn on <code>spark.eventLog.logBlockUpdates.enabled</code> to see what was stored when, and what was evicted.</Empty>;
  if (!all || all.time.length === 0) return <Empty title="Nothing was stored">No block of an RDD, a table or a broadcast was in any executor.</Empty>;
  const evictedBytes = all.evictedBytes.reduce((sum, n) => sum + n, 0);
  return (
    <>
      <Chart label="Stored over time" at={all.time} series={series} height={190} axis={bytes} rightAxis={count} marks="binary" />
      <p class="muted">{evicted === 0 ? 'No cached block was evicted from memory.' : <><Count v={evicted} unit="blocks" /> cached blocks were evicted from memory: <Bytes v={evictedBytes} />.</>} Broadcasts are in it, too.</p>
    </>
  );
}
