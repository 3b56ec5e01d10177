import type { PlanNode } from '../../../api/ours';

/** What kind of work an operator does, by its name in Spark. */
export type Kind =
  | 'scan' | 'write' | 'join' | 'exchange' | 'broadcast' | 'aggregate' | 'sort' | 'window' | 'filter' | 'project'
  | 'python' | 'union' | 'subquery' | 'limit' | 'state' | 'other';

const KINDS: [RegExp, Kind][] = [
  [/^(Arrow|BatchEvalPython|Python|FlatMapGroupsInPandas|FlatMapCoGroups|MapIn|WindowInPandas|AggregateInPandas|TransformWithStateInP)/, 'python'],
  [/^(StateStore|SessionWindowStateStore|StreamingSymmetricHashJoin|StreamingDeduplicate|FlatMapGroupsWithState|TransformWithState|EventTimeWatermark)/, 'state'],
  [/BroadcastExchange/, 'broadcast'],
  [/Exchange|Shuffle(Query|Read)|ShuffleRead/, 'exchange'],
  [/Join|CartesianProduct/, 'join'],
  [/Aggregate/, 'aggregate'],
  [/^(Window|WindowGroupLimit)/, 'window'],
  [/TakeOrdered|Limit$|^Limit|Offset/, 'limit'],
  [/Sort/, 'sort'],
  [/Scan|^Range$|^LocalTable|^InMemoryTable|^EmptyRelation|^OneRowRelation|^MicroBatch/, 'scan'],
  [/Insert|Write|^Execute|Create|AppendData|Overwrite|ReplaceData|MergeRows|SaveInto/, 'write'],
  [/Filter/, 'filter'],
  [/^(Project|Expand|Generate)/, 'project'],
  [/Union/, 'union'],
  [/Subquery|^SubqueryBroadcast|ReusedSubquery/, 'subquery'],
];

export function kindOf(name: string): Kind {
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

/** Hands rows on, renamed or regrouped: of interest only to who looks for it. */
export function isMinor(name: string): boolean {
  return /^(Project|AQEShuffleRead|CustomShuffleReader|InputAdapter|AdaptiveSparkPlan|ResultQueryStage|CollectMetrics|DeserializeToObject|SerializeFromObject)$|ColumnarToRow$|RowToColumnar$/.test(name);
}

/** Exchange of a shuffle and what reads it: as many rows come out as went in. */
const KEEPS_ROWS = /^(Project|Sort|AQEShuffleRead|CustomShuffleReader|InputAdapter|AdaptiveSparkPlan|ResultQueryStage|CollectMetrics|Window|Exchange|WriteFiles|ArrowEvalPython|BatchEvalPython|DeserializeToObject|SerializeFromObject|EventTimeWatermark|Subquery|ReusedExchange)$|ColumnarToRow$|RowToColumnar$/;

export const keepsRows = (name: string): boolean => KEEPS_ROWS.test(name);

/** `cust#2L` is `cust` to a reader; `(` and `[` around everything say nothing. */
export function plain(text: string): string {
  return text.replace(/#\d+L?\b/g, '').replace(/\s+/g, ' ').trim();
}

/** What an operator works on, short: its description without its own name and without expression ids. */
export function subtitle({ name, description }: Pick<PlanNode, 'name' | 'description'>): string {
  let text = plain(description);
  if (text.startsWith(name)) text = text.slice(name.length);
  else text = text.replace(/^[A-Za-z]+ /, '');
  text = text.trim();
  const location = /Location: \w+(?:\(\d+ paths?\))?\[([^\],]+)/.exec(text);
  if (location?.[1] && /^(Scan|FileScan|BatchScan)/.test(name)) return ending(location[1]);
  if (/^\[.*\]$/.test(text) && !text.slice(1, -1).includes('[')) text = text.slice(1, -1);
  if (/^\(.*\)$/.test(text)) text = text.slice(1, -1);
  return text.replace(/^keys=\[\], /, '').replace(/, ?ENSURE_REQUIREMENTS.*$/, '').replace(/, \[(plan_)?id=\d*\]/, '');
}

/** The end of a path, which tells tables apart. */
function ending(path: string): string {
  const parts = path.split('/').filter(Boolean);
  return parts.length > 3 ? `…/${parts.slice(-2).join('/')}` : path;
}
