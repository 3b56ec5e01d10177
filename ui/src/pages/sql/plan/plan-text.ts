import { type Plan, upstream } from './plan';

/** A physical plan as text, and where each operator of the graph stands in it. */

export interface PlanText {
  lines: string[];
  /** Line of the tree by operator. */
  treeLine: Map<number, number>;
  /** First line and one past the last of what is said of an operator below the tree, in formatted plans. */
  section: Map<number, [number, number]>;
  /** Operator by line, of both. */
  operatorAt: Map<number, number>;
}

/** `   :  +- * Project (5)`, `+- *(1) Project [id#2L]`, `Scan parquet  (1)`. */
const TREE_LINE = /^((?: |:(?!-)|\+-|:-)*)(\* ?(?:\((\d+)\) )?)?(.+?)(?: \((\d+)\))?$/;
const SUBQUERY = /^Subquery:\d+ Hosting/;
/** Lines between two operators of the graph that the graph leaves out: query stages, adapters, what is reused. */
const AHEAD = 12;
const SECTION = /^\((\d+)\) /;

export function planText(text: string, plan: Plan): PlanText {
  const lines = text.replace(/\s+$/, '').split('\n');
  const found: PlanText = { lines, treeLine: new Map(), section: new Map(), operatorAt: new Map() };
  const numbers = new Map<number, number>();
  const match = (ids: number[], tree: TreeLine[]) => {
    let from = 0;
    for (const id of ids) {
      const wanted = plan.byId.get(id)?.name.trim() ?? '';
      const ahead = tree.slice(from, from + AHEAD);
      const at = ahead.findIndex(({ name }) => name.startsWith(wanted) && !/\w/.test(name[wanted.length] ?? ' '));
      const line = ahead[at];
      if (!line) continue;
      from += at + 1;
      found.treeLine.set(id, line.at);
      found.operatorAt.set(line.at, id);
      if (line.number !== undefined) numbers.set(line.number, id);
    }
  };
  const tree = treeLines(lines);
  const apart = lines.findIndex((line) => SUBQUERY.test(line));
  const ids = plan.operators.map((node) => node.id);
  if (apart < 0) match(ids, tree);
  else {
    // Formatted plans tell subqueries below the plan, the graph has them where they are used.
    const inside = new Set(ids.filter((id) => /^Subquery/.test(plan.byId.get(id)?.name ?? '')).flatMap((id) => upstream(plan, id)));
    match(ids.filter((id) => !inside.has(id)), tree.filter((line) => line.at < apart));
    match(ids.filter((id) => inside.has(id)), tree.filter((line) => line.at > apart));
  }
  let open: [number, number] | undefined;
  const close = (end: number) => {
    if (open) {
      found.section.set(open[0], [open[1], end]);
      for (let at = open[1]; at < end; at++) found.operatorAt.set(at, open[0]);
    }
    open = undefined;
  };
  for (const [at, line] of lines.entries()) {
    const number = SECTION.exec(line)?.[1];
    if (number !== undefined) {
      close(blankBefore(lines, at));
      const id = numbers.get(Number(number));
      if (id !== undefined) open = [id, at];
    } else if (/^={3,}/.test(line)) close(blankBefore(lines, at));
  }
  close(lines.length);
  return found;
}

function blankBefore(lines: string[], at: number): number {
  let end = at;
  while (end > 0 && lines[end - 1]?.trim() === '') end--;
  return end;
}

interface TreeLine {
  at: number;
  name: string;
  /** Of the operator in a formatted plan. */
  number?: number;
}

/** The tree of the plan that ran: the final one where both are there, and subqueries below it. */
function treeLines(lines: string[]): TreeLine[] {
  const found: TreeLine[] = [];
  let skip = false;
  let inTree = false;
  for (const [at, line] of lines.entries()) {
    if (/== Physical Plan ==/.test(line)) {
      inTree = true;
      skip = false;
      continue;
    }
    if (/== (Parsed|Analyzed|Optimized) Logical Plan ==/.test(line)) inTree = false;
    if (/== Initial Plan ==/.test(line)) skip = true;
    if (/== Final Plan ==/.test(line)) skip = false;
    if (SUBQUERY.test(line)) [inTree, skip] = [true, false];
    if (line.trim() === '') inTree = false;
    if (!inTree || skip || /^\s*(\+- )?==.*==$/.test(line) || /^Subquery:/.test(line)) continue;
    const parts = TREE_LINE.exec(line);
    const name = parts?.[4];
    if (name === undefined) continue;
    found.push({ at, name, ...(parts?.[5] !== undefined && { number: Number(parts[5]) }) });
  }
  return found;
}
