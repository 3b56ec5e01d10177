import { Graph, layout } from '@dagrejs/dagre';

/** Puts a graph's nodes into layers. Loaded with the first graph that is shown. */

export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Line {
  from: string;
  to: string;
}

export interface Placement {
  /** Top left corners. */
  nodes: Map<string, { x: number; y: number }>;
  lines: { from: string; to: string; points: { x: number; y: number }[] }[];
  width: number;
  height: number;
}

export function arrange(boxes: readonly Box[], lines: readonly Line[], direction: 'right' | 'down'): Placement {
  const graph = new Graph();
  graph.setGraph({ rankdir: direction === 'right' ? 'LR' : 'TB', nodesep: 18, ranksep: direction === 'right' ? 104 : 36, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of boxes) graph.setNode(id, { width, height });
  const known = new Set(boxes.map((b) => b.id));
  const drawn = lines.filter((l) => l.from !== l.to && known.has(l.from) && known.has(l.to));
  for (const { from, to } of drawn) graph.setEdge(from, to);
  layout(graph);
  const nodes = new Map<string, { x: number; y: number }>();
  for (const { id, width, height } of boxes) {
    const at = graph.node(id);
    nodes.set(id, { x: (at.x ?? 0) - width / 2, y: (at.y ?? 0) - height / 2 });
  }
  const size = graph.graph();
  const points = (l: Line) => (graph.edge(l.from, l.to)?.points ?? []) as { x: number; y: number }[];
  return { nodes, lines: drawn.map((l) => ({ ...l, points: points(l) })), width: size.width ?? 0, height: size.height ?? 0 };
}
