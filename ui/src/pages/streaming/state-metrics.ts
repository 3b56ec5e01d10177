import type { StateOperator, Values } from '../../api/ours';

/**
 * The open map of a state store's own metrics, grouped for reading. Names differ between Spark's versions and stores; a name
 * that nobody knows is shown as it is, in the last group.
 */

export type Unit = 'count' | 'bytes' | 'ms' | 'share' | 'flag' | 'version';

export interface Line {
  /** The metric's own name; of a computed one those it is made of. */
  name: string;
  title: string;
  values: Values;
}

export interface Graph {
  title: string;
  unit: Unit;
  stacked: boolean;
  /** Said below the title. */
  note?: string;
  lines: Line[];
}

export interface Group {
  title: string;
  graphs: Graph[];
  /** Reported, and 0 in every batch: named, not drawn. */
  zero: Line[];
}

interface Known {
  title: string;
  group: GroupId;
  graph: string;
  unit: Unit;
  /** Milliseconds that all instances of the store add up: shown as the mean of one. */
  summed?: boolean;
  stacked?: boolean;
}

type GroupId = keyof typeof GROUPS;

const GROUPS = {
  commit: 'Commit',
  files: 'Files and size',
  cache: 'Block cache',
  compaction: 'Compaction and writes',
  access: 'Reads and writes of state',
  load: 'Loading state',
  memory: 'Memory',
  snapshots: 'Snapshots',
  variables: 'State variables and timers',
  others: 'Others',
} as const;

const PHASE = { group: 'commit', graph: 'Commit phases, mean of a store instance', unit: 'ms', summed: true, stacked: true } as const;
const KNOWN: Record<string, Known> = {
  rocksdbCommitFlushLatency: { title: 'Flush to files', ...PHASE },
  rocksdbCommitWriteBatchLatency: { title: 'Write batch', ...PHASE },
  rocksdbCommitCompactLatency: { title: 'Compaction on commit', ...PHASE },
  rocksdbCommitPauseLatency: { title: 'Pause of background work', ...PHASE },
  rocksdbCommitCheckpointLatency: { title: 'Local checkpoint', ...PHASE },
  rocksdbCommitFileSyncLatencyMs: { title: 'Upload to checkpoint location', ...PHASE },
  rocksdbChangeLogWriterCommitLatencyMs: { title: 'Changelog upload', ...PHASE },
  rocksdbSaveZipFilesLatencyMs: { title: 'Upload of the zip file', group: 'commit', graph: 'Within the upload, mean of a store instance', unit: 'ms', summed: true },

  rocksdbSstFileSize: { title: 'SST files', group: 'files', graph: 'Size of the state', unit: 'bytes' },
  stateOnCurrentVersionSizeBytes: { title: 'State in memory', group: 'files', graph: 'Size of the state', unit: 'bytes' },
  rocksdbZipFileBytesUncompressed: { title: 'Zip file, uncompressed', group: 'files', graph: 'Uploaded', unit: 'bytes' },
  rocksdbBytesCopied: { title: 'SST files copied', group: 'files', graph: 'Uploaded', unit: 'bytes' },
  rocksdbFilesCopied: { title: 'Copied', group: 'files', graph: 'SST files of a commit', unit: 'count', stacked: true },
  rocksdbFilesReused: { title: 'Reused', group: 'files', graph: 'SST files of a commit', unit: 'count', stacked: true },

  rocksdbReadBlockCacheHitCount: { title: 'Hits', group: 'cache', graph: 'Lookups', unit: 'count', stacked: true },
  rocksdbReadBlockCacheMissCount: { title: 'Misses', group: 'cache', graph: 'Lookups', unit: 'count', stacked: true },
  loadedMapCacheHitCount: { title: 'Hits', group: 'cache', graph: 'Loaded versions of the state, so far', unit: 'count' },
  loadedMapCacheMissCount: { title: 'Misses', group: 'cache', graph: 'Loaded versions of the state, so far', unit: 'count' },

  rocksdbTotalBytesReadByCompaction: { title: 'Read by compaction', group: 'compaction', graph: 'Bytes', unit: 'bytes' },
  rocksdbTotalBytesWrittenByCompaction: { title: 'Written by compaction', group: 'compaction', graph: 'Bytes', unit: 'bytes' },
  rocksdbTotalBytesWrittenByFlush: { title: 'Written by flush', group: 'compaction', graph: 'Bytes', unit: 'bytes' },
  rocksdbTotalCompactionLatencyMs: { title: 'Compaction', group: 'compaction', graph: 'Time of compaction, all instances', unit: 'ms' },
  rocksdbWriterStallLatencyMs: { title: 'Writes stalled', group: 'compaction', graph: 'Write stalls', unit: 'flag' },

  rocksdbGetCount: { title: 'Reads', group: 'access', graph: 'Operations', unit: 'count' },
  rocksdbPutCount: { title: 'Writes', group: 'access', graph: 'Operations', unit: 'count' },
  rocksdbGetLatency: { title: 'Reads', group: 'access', graph: 'Time, mean of a store instance', unit: 'ms', summed: true },
  rocksdbPutLatency: { title: 'Writes', group: 'access', graph: 'Time, mean of a store instance', unit: 'ms', summed: true },
  rocksdbTotalBytesRead: { title: 'Read', group: 'access', graph: 'Bytes', unit: 'bytes' },
  rocksdbTotalBytesReadThroughIterator: { title: 'Read through iterators', group: 'access', graph: 'Bytes', unit: 'bytes' },
  rocksdbTotalBytesWritten: { title: 'Written', group: 'access', graph: 'Bytes', unit: 'bytes' },
  numRowsReadDuringEviction: { title: 'Read to find what to evict', group: 'access', graph: 'Eviction', unit: 'count' },
  numRowsIncrementallyRemoved: { title: 'Removed bit by bit', group: 'access', graph: 'Eviction', unit: 'count' },
  numDroppedDuplicateRows: { title: 'Duplicates dropped', group: 'access', graph: 'Duplicates', unit: 'count' },

  rocksdbLoadLatencyMs: { title: 'Load', group: 'load', graph: 'Time, mean of a store instance', unit: 'ms', summed: true },
  rocksdbLoadFromSnapshotLatencyMs: { title: 'From a snapshot', group: 'load', graph: 'Time, mean of a store instance', unit: 'ms', summed: true },
  rocksdbReplayChangeLogLatencyMs: { title: 'Changelog replay', group: 'load', graph: 'Time, mean of a store instance', unit: 'ms', summed: true },
  rocksdbNumReplayChangelogFiles: { title: 'Changelog files replayed', group: 'load', graph: 'Files and stores', unit: 'count' },
  rocksdbNumLoadedFromDfs: { title: 'Stores loaded from the checkpoint location', group: 'load', graph: 'Files and stores', unit: 'count' },

  rocksdbPinnedBlocksMemoryUsage: { title: 'Pinned blocks', group: 'memory', graph: 'Memory of RocksDB', unit: 'bytes' },
  rocksdbMemoryUsage: { title: 'RocksDB', group: 'memory', graph: 'Memory of RocksDB', unit: 'bytes' },

  rocksdbForceSnapshotCount: { title: 'Forced', group: 'snapshots', graph: 'Snapshots', unit: 'count' },
  forceSnapshotCount: { title: 'Forced', group: 'snapshots', graph: 'Snapshots', unit: 'count' },
  rocksdbNumSnapshotsAutoRepaired: { title: 'Repaired', group: 'snapshots', graph: 'Snapshots', unit: 'count' },
  numSnapshotsAutoRepaired: { title: 'Repaired', group: 'snapshots', graph: 'Snapshots', unit: 'count' },

  rocksdbNumInternalColFamiliesKeys: { title: 'Keys in internal column families', group: 'variables', graph: 'Column families', unit: 'count' },
  rocksdbNumInternalColumnFamilies: { title: 'Internal column families', group: 'variables', graph: 'Column families', unit: 'count' },
  rocksdbNumExternalColumnFamilies: { title: 'Column families', group: 'variables', graph: 'Column families', unit: 'count' },
  numValueStateVars: { title: 'Values', group: 'variables', graph: 'State variables', unit: 'count' },
  numListStateVars: { title: 'Lists', group: 'variables', graph: 'State variables', unit: 'count' },
  numMapStateVars: { title: 'Maps', group: 'variables', graph: 'State variables', unit: 'count' },
  numValueStateWithTTLVars: { title: 'Values that expire', group: 'variables', graph: 'State variables', unit: 'count' },
  numListStateWithTTLVars: { title: 'Lists that expire', group: 'variables', graph: 'State variables', unit: 'count' },
  numMapStateWithTTLVars: { title: 'Maps that expire', group: 'variables', graph: 'State variables', unit: 'count' },
  numDeletedStateVars: { title: 'Deleted', group: 'variables', graph: 'State variables', unit: 'count' },
  numValuesRemovedDueToTTLExpiry: { title: 'Values expired', group: 'variables', graph: 'Timers and expiry', unit: 'count' },
  numRegisteredTimers: { title: 'Timers registered', group: 'variables', graph: 'Timers and expiry', unit: 'count' },
  numDeletedTimers: { title: 'Timers deleted', group: 'variables', graph: 'Timers and expiry', unit: 'count' },
  numExpiredTimers: { title: 'Timers expired', group: 'variables', graph: 'Timers and expiry', unit: 'count' },
  initialStateProcessingTimeMs: { title: 'Initial state', group: 'load', graph: 'Initial state', unit: 'ms' },
};

/** `SnapshotLastUploaded.partition_3_default`: one for each store instance, or for those furthest behind. */
const SNAPSHOT = /^SnapshotLastUploaded\./;

export function stateGroups(operator: StateOperator, instances: number | undefined): Group[] {
  const graphs = new Map<GroupId, Graph[]>();
  const zero = new Map<GroupId, Line[]>();
  const add = (group: GroupId, graph: Omit<Graph, 'lines'>, line: Line) => {
    if (line.values.every((v) => v === null || v === 0)) return void push(zero, group, line);
    const same = graphs.get(group)?.find((one) => one.title === graph.title && one.unit === graph.unit);
    if (same) same.lines.push(line);
    else push(graphs, group, { ...graph, lines: [line] });
  };

  const names = Object.keys(operator.custom);
  const known = Object.keys(KNOWN).filter((name) => name in operator.custom);
  hitRate(operator, 'rocksdbReadBlockCacheHitCount', 'rocksdbReadBlockCacheMissCount', add);
  for (const name of known) {
    const { title, group, graph, unit, summed, stacked } = KNOWN[name] as Known;
    let values = operator.custom[name] ?? [];
    let heading = graph;
    if (summed && instances !== undefined && instances > 0) values = values.map((v) => (v === null ? null : v / instances));
    else if (summed) heading = graph.replace(/, mean of a store instance$/, ', all instances together');
    if (unit === 'flag') values = values.map((v) => (v === null ? null : Number(v !== 0)));
    add(group, { title: heading, unit, stacked: stacked ?? false, ...(unit === 'flag' && { note: 'Only whether there were any: Spark reports their time in a unit that cannot be relied on.' }) }, { name, title, values });
  }
  const uploads = names.filter((name) => SNAPSHOT.test(name));
  if (uploads.length > 0) {
    add('snapshots', { title: 'Version of the oldest snapshot uploaded', unit: 'version', stacked: false, note: 'Of the instances that Spark reports. One that stays behind means a long replay after a restart.' }, { name: uploads.join(', '), title: 'Oldest', values: least(uploads.map((name) => operator.custom[name] ?? [])) });
  }
  for (const name of names.filter((one) => !(one in KNOWN) && !SNAPSHOT.test(one)).sort()) {
    add('others', { title: name, unit: unitOf(name), stacked: false }, { name, title: name, values: operator.custom[name] ?? [] });
  }
  return (Object.keys(GROUPS) as GroupId[])
    .map((id) => ({ title: GROUPS[id], graphs: graphs.get(id) ?? [], zero: zero.get(id) ?? [] }))
    .filter((group) => group.graphs.length > 0 || group.zero.length > 0);
}

function push<K, V>(to: Map<K, V[]>, key: K, value: V): void {
  const list = to.get(key);
  if (list) list.push(value);
  else to.set(key, [value]);
}

function hitRate({ custom }: StateOperator, hits: string, misses: string, add: (group: GroupId, graph: Omit<Graph, 'lines'>, line: Line) => void): void {
  const [hit, miss] = [custom[hits], custom[misses]];
  if (!hit || !miss) return;
  const values = hit.map((h, n) => {
    const m = miss[n] ?? null;
    return h === null || m === null || h + m === 0 ? null : h / (h + m);
  });
  add('cache', { title: 'Hit rate', unit: 'share', stacked: false }, { name: `${hits}, ${misses}`, title: 'Hit rate', values });
}

/** The least of each batch; −1 means that there was no upload yet. */
function least(columns: Values[]): Values {
  const length = Math.max(0, ...columns.map((c) => c.length));
  return Array.from({ length }, (_, n) => {
    const known = columns.flatMap((c) => c[n] ?? []);
    return known.length === 0 ? null : Math.max(0, Math.min(...known));
  });
}

/** What a name says of its unit. */
function unitOf(name: string): Unit {
  if (/(Bytes|MemoryUsage|FileSize)/.test(name)) return 'bytes';
  return /(Ms|Latency|LatencyMs|TimeMs)$/.test(name) ? 'ms' : 'count';
}

/** With bounded memory Spark reports 0 for what RocksDB uses. */
export function memoryReported({ memory, rows }: Pick<StateOperator, 'memory' | 'rows'>): boolean {
  return memory.some((v) => v !== null && v > 0) || !rows.some((v) => v !== null && v > 0);
}
