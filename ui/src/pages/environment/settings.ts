import type { Environment, Property } from '../../api/spark';
import { confs } from '../../core/shell';

/** Settings of an application, side by side with defaults and with another application. */

export const GROUPS = [
  { id: 'spark', title: 'Spark', of: (e: Environment) => e.sparkProperties },
  { id: 'hadoop', title: 'Hadoop', of: (e: Environment) => e.hadoopProperties },
  { id: 'system', title: 'System', of: (e: Environment) => e.systemProperties },
  { id: 'metrics', title: 'Metrics', of: (e: Environment) => e.metricsProperties },
  { id: 'classpath', title: 'Classpath', of: (e: Environment) => e.classpathEntries },
  { id: 'runtime', title: 'Runtime', of: runtime },
] as const;

export type Group = (typeof GROUPS)[number];

function runtime({ runtime: { javaVersion, javaHome, scalaVersion } }: Environment): Property[] {
  const all: [string, string | undefined][] = [['Java version', javaVersion], ['Java home', javaHome], ['Scala version', scalaVersion]];
  return all.filter((one): one is Property => one[1] !== undefined);
}

export type Difference = 'same' | 'changed' | 'onlyHere' | 'onlyThere';

export interface Setting {
  name: string;
  /** Absent if only the other application, or only Spark itself, has it. */
  value?: string;
  /** In the other application. */
  other?: string;
  difference?: Difference;
  /** What this version of Spark uses if nobody says otherwise. */
  standard?: string;
  /** Set to what it is anyway, or not set and shown for its default. */
  isDefault: boolean;
  masked: boolean;
}

const MASK = '*********(redacted)';

interface Merge {
  here: Property[];
  there?: Property[] | undefined;
  defaults?: Record<string, string> | undefined;
  /** Whether settings that nobody set are rows, too. */
  withUnset?: boolean;
}

/** Rows by name. A name that is there twice (classpath entries are not) keeps its last value, as in Spark. */
export function settings({ here, there, defaults, withUnset }: Merge): Setting[] {
  const ours = new Map(here);
  const theirs = there && new Map(there);
  const names = new Set([...ours.keys(), ...(theirs?.keys() ?? []), ...(withUnset ? Object.keys(defaults ?? {}) : [])]);
  return [...names].sort().map((name) => {
    const value = ours.get(name);
    const other = theirs?.get(name);
    const standard = defaults?.[name];
    const row: Setting = {
      name,
      isDefault: standard !== undefined && (value === undefined ? other === undefined : sameValue(value, standard)),
      masked: (value ?? other ?? '').includes(MASK),
    };
    if (value !== undefined) row.value = value;
    if (other !== undefined) row.other = other;
    if (standard !== undefined) row.standard = standard;
    if (theirs) row.difference = difference(value, other);
    return row;
  });
}

function difference(value: string | undefined, other: string | undefined): Difference {
  if (value === other) return 'same';
  if (value === undefined) return 'onlyThere';
  return other === undefined ? 'onlyHere' : 'changed';
}

/** `1G` and `1g`, `TRUE` and `true` mean the same to Spark. */
function sameValue(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

/** Jars by artifact, so that another version or folder of the same is a change and not two differences. */
export function byArtifact(entries: Property[]): Property[] {
  return entries.map(([path, source]) => {
    const file = path.slice(path.lastIndexOf('/') + 1);
    const [, artifact] = /^(.+?)(?:_\d[\d.]*)?-\d[^/]*\.jar$/.exec(file) ?? [];
    return artifact === undefined ? [path, source] : [artifact, file];
  });
}

/** Names whose values are different in every run, and what Spark sets by itself: nothing to compare or to submit. */
const OF_THE_RUN = [
  /^spark\.app\.(id|startTime|submitTime|attempt\.id)$/,
  /^spark\.app\.initial\.(jar|file|archive)\.urls$/,
  /^spark\.driver\.(host|port)$/,
  /^spark\.executor\.id$/,
  /^spark\.repl\.class\.(uri|outputDir)$/,
  /^spark\.yarn\.app\.(id|container\.log\.dir)$/,
  /^spark\.kubernetes\.(driver\.pod\.name|executor\.podNamePrefix|submitInDriver)$/,
  /^spark\.org\.apache\.hadoop\.yarn\.server\.webproxy\./,
  /^(sun\.java\.command|user\.dir|java\.io\.tmpdir)$/,
];

export const isOfTheRun = (name: string): boolean => OF_THE_RUN.some((pattern) => pattern.test(name));

/** What JVM options Spark adds to every start. */
const ADDED_OPENS = /^spark\.(driver|executor)\.extraJavaOptions$/;
const ADDED = /^(-Djava\.net\.preferIPv6Addresses=\S+\s*|-XX:\+IgnoreUnrecognizedVMOptions\s*|--add-(opens|modules)=\S+\s*|-Djdk\.reflect\.useDirectMethodHandle=\S+\s*|-Dio\.netty\.tryReflectionSetAccessible=\S+\s*)+$/;

interface SubmitText {
  text: string;
  count: number;
  /** Secrets that cannot be copied. */
  masked: number;
}

/** Arguments for spark-submit that set the same again. */
export function submitText(rows: Setting[]): SubmitText {
  const own = rows.filter((row) => row.value !== undefined && row.value !== '' && row.name.startsWith('spark.') && !isOfTheRun(row.name));
  const useful = own.filter((row) => !(ADDED_OPENS.test(row.name) && ADDED.test(row.value ?? '')));
  const shown = useful.filter((row) => !row.masked);
  const text = confs(shown.map((row) => [row.name, row.value ?? '']));
  return { text, count: shown.length, masked: useful.length - shown.length };
}
