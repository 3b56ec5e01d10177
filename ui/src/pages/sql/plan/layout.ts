/**
 * Places the boxes of a plan. Plans are trees but for reused exchanges and subqueries, so a tree layout in layers suits
 * them: rows flow down, an operator stands straight below its input where it has one, and no two branches overlap. It takes
 * time in proportion to what is drawn: 50 ms for 2,100 operators, for which dagre takes a minute and a half.
 */

export const CARD_WIDTH = 236;
export const CARD_HEIGHT = 68;
const GAP_X = 26;
const GAP_Y = 38;
/** Between a frame and what is in it. */
export const FRAME_PAD = 12;
const FRAME_HEAD = 26;

export interface LayoutNode {
  id: number;
  frame?: number;
}

export interface LayoutEdge {
  from: number;
  to: number;
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Box extends Rect {
  id: number;
  rank: number;
}

export interface Frame extends Rect {
  id: number;
}

export interface Route {
  from: number;
  to: number;
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  /** Passes layers in between: of an input that several operators share. */
  long: boolean;
}

export interface Layout {
  boxes: Map<number, Box>;
  frames: Frame[];
  routes: Route[];
  width: number;
  height: number;
}

export function layout(nodes: LayoutNode[], edges: LayoutEdge[]): Layout {
  const inputs = neighbours(nodes, edges, (e) => [e.to, e.from]);
  const consumers = neighbours(nodes, edges, (e) => [e.from, e.to]);
  const rank = ranks(nodes, inputs, consumers);
  const children = treeOf(nodes, inputs, consumers, rank);
  const frameOf = new Map(nodes.map((n) => [n.id, n.frame]));
  const { xs, lifts } = columns(nodes, children, consumers, rank, frameOf);
  lift(nodes, children, rank, lifts);
  const tops = rows(nodes, rank);

  const left = -maximum([...xs].map(([id, x]) => half(frameOf.get(id)) - x));
  const boxes = new Map<number, Box>();
  for (const { id } of nodes) {
    const at = rank.get(id) ?? 0;
    boxes.set(id, { id, rank: at, x: (xs.get(id) ?? 0) - left - CARD_WIDTH / 2, y: tops[at] ?? 0, width: CARD_WIDTH, height: CARD_HEIGHT });
  }
  const frames = framesOf(nodes, boxes);
  const all: Rect[] = [...boxes.values(), ...frames];
  return {
    boxes,
    frames,
    routes: routesOf(edges, inputs, boxes),
    width: maximum(all.map((r) => r.x + r.width)),
    height: maximum(all.map((r) => r.y + r.height)),
  };
}

function neighbours(nodes: LayoutNode[], edges: LayoutEdge[], way: (e: LayoutEdge) => [number, number]): Map<number, number[]> {
  const found = new Map<number, number[]>(nodes.map((n) => [n.id, []]));
  for (const edge of edges) {
    const [at, to] = way(edge);
    if (at !== to && found.has(to)) found.get(at)?.push(to);
  }
  return found;
}

/** Layers from the root: every input is above all that consume it. */
function ranks(nodes: LayoutNode[], inputs: Map<number, number[]>, consumers: Map<number, number[]>): Map<number, number> {
  const rank = new Map<number, number>();
  const waiting = new Map(nodes.map((n) => [n.id, consumers.get(n.id)?.length ?? 0]));
  const queue = nodes.filter((n) => waiting.get(n.id) === 0).map((n) => n.id);
  const left = new Set(nodes.map((n) => n.id));
  for (const id of queue) rank.set(id, 0);
  for (let head = 0; left.size > 0; head++) {
    let id = queue[head];
    if (id === undefined) {
      // A cycle, which no plan has: cut it anywhere rather than never end.
      id = left.values().next().value ?? 0;
      queue.push(id);
    }
    if (!left.delete(id)) continue;
    const at = rank.get(id) ?? 0;
    rank.set(id, at);
    for (const input of inputs.get(id) ?? []) {
      if (!left.has(input)) continue;
      rank.set(input, Math.max(rank.get(input) ?? 0, at + 1));
      const more = (waiting.get(input) ?? 1) - 1;
      waiting.set(input, more);
      if (more === 0) queue.push(input);
    }
  }
  return rank;
}

/** Each node below one of its consumers, of the layer before its own. */
function treeOf(nodes: LayoutNode[], inputs: Map<number, number[]>, consumers: Map<number, number[]>, rank: Map<number, number>): Map<number, number[]> {
  const parent = new Map<number, number>();
  for (const { id } of nodes) {
    const before = (rank.get(id) ?? 0) - 1;
    const at = consumers.get(id)?.find((one) => rank.get(one) === before);
    if (at !== undefined) parent.set(id, at);
  }
  return new Map(nodes.map(({ id }) => [id, (inputs.get(id) ?? []).filter((input) => parent.get(input) === id)]));
}

const half = (frame: number | undefined): number => CARD_WIDTH / 2 + (frame === undefined ? 0 : FRAME_PAD);

/** The room a subtree takes: the least and greatest x of each of its layers, from its root on. */
interface Contour {
  left: number[];
  right: number[];
}

/** The middle of each node. */
function columns(
  nodes: LayoutNode[],
  children: Map<number, number[]>,
  consumers: Map<number, number[]>,
  rank: Map<number, number>,
  frameOf: Map<number, number | undefined>,
): { xs: Map<number, number>; lifts: Map<number, number> } {
  /** Of a child against its parent: sideways, and by how many layers more than one. */
  const shift = new Map<number, number>();
  const lifts = new Map<number, number>();
  const contours = new Map<number, Contour>();
  const order = [...nodes].sort((a, b) => (rank.get(b.id) ?? 0) - (rank.get(a.id) ?? 0));
  for (const { id } of order) {
    const own = half(frameOf.get(id));
    const below = children.get(id) ?? [];
    const [only] = below;
    const single = below.length === 1 ? contours.get(only ?? NaN) : undefined;
    if (only !== undefined && single) {
      // Most of a plan is chains: the contour of what is above is taken over, not copied.
      shift.set(only, 0);
      contours.delete(only);
      single.left.unshift(-own);
      single.right.unshift(own);
      contours.set(id, single);
      continue;
    }
    const parts = below.map((child) => contours.get(child) ?? { left: [-own], right: [own] });
    const main = trunk(parts);
    const { offsets, contour, lifted } = main >= 0 ? besideTrunk(parts, main) : { ...sideBySide(parts), lifted: 0 };
    const up = below[main];
    if (up !== undefined && lifted > 0) lifts.set(up, lifted);
    const frame = frameOf.get(id);
    // A codegen stage is a chain: its operators stand in one column, and what joins from outside at its side.
    const inside = frame === undefined ? -1 : below.findIndex((child) => frameOf.get(child) === frame);
    const spine = inside >= 0 ? inside : main;
    const middle = spine >= 0 ? (offsets[spine] ?? 0) : ((offsets[0] ?? 0) + (offsets[offsets.length - 1] ?? 0)) / 2;
    below.forEach((child, n) => {
      shift.set(child, (offsets[n] ?? 0) - middle);
      contours.delete(child);
    });
    contours.set(id, {
      left: [-own, ...contour.left.map((x) => x - middle)],
      right: [own, ...contour.right.map((x) => x - middle)],
    });
  }

  const roots = nodes.filter(({ id }) => (consumers.get(id)?.length ?? 0) === 0 || !shift.has(id)).map((n) => n.id);
  const { offsets } = sideBySide(roots.map((id) => contours.get(id) ?? { left: [0], right: [0] }));
  const xs = new Map<number, number>(roots.map((id, n) => [id, offsets[n] ?? 0]));
  for (const { id } of [...order].reverse()) {
    const x = xs.get(id) ?? 0;
    for (const child of children.get(id) ?? []) xs.set(child, x + (shift.get(child) ?? 0));
  }
  return { xs, lifts };
}

/** Moves subtrees up by the layers that were left free below them. */
function lift(nodes: LayoutNode[], children: Map<number, number[]>, rank: Map<number, number>, lifts: Map<number, number>): void {
  if (lifts.size === 0) return;
  const more = new Map<number, number>();
  for (const { id } of [...nodes].sort((a, b) => (rank.get(a.id) ?? 0) - (rank.get(b.id) ?? 0))) {
    const up = (more.get(id) ?? 0) + (lifts.get(id) ?? 0);
    rank.set(id, (rank.get(id) ?? 0) + up);
    for (const child of children.get(id) ?? []) more.set(child, up);
  }
}

/** The input that is so much deeper than all others that they are but side branches of it: a chain of joins then stays straight. */
function trunk(parts: Contour[]): number {
  const depths = parts.map((part) => part.left.length);
  const most = Math.max(...depths);
  const at = depths.indexOf(most);
  return parts.length > 1 && depths.every((depth, n) => n === at || most >= depth + 3) ? at : -1;
}

/** How far from its trunk a side branch may stand before the trunk is stretched to make room for it. */
const ASIDE = 3 * (CARD_WIDTH + GAP_X + 2 * FRAME_PAD);

/**
 * Side branches of a long chain overlap each other's layers, so each would stand further out than the one before, in an
 * endless diagonal. Beyond some columns the trunk goes up a few layers instead.
 */
function besideTrunk(parts: Contour[], main: number): ReturnType<typeof sideBySide> & { lifted: number } {
  const deepest = Math.max(...parts.map((part, n) => (n === main ? 0 : part.left.length)));
  for (let lifted = 0; ; lifted++) {
    const edge = Array.from({ length: lifted }, () => EDGE);
    const raised = parts.map((part, n) => (n === main ? { left: [...edge.map((x) => -x), ...part.left], right: [...edge, ...part.right] } : part));
    const placed = sideBySide(raised);
    const furthest = Math.max(...placed.offsets.map((x) => Math.abs(x - (placed.offsets[main] ?? 0))));
    if (furthest <= ASIDE || lifted >= deepest) return { ...placed, lifted };
  }
}

/** Half the room that an edge takes where nothing else is. */
const EDGE = 30;

/** Puts subtrees beside each other, as close as their layers allow. */
function sideBySide(parts: Contour[]): { offsets: number[]; contour: Contour } {
  const left: number[] = [];
  const right: number[] = [];
  const offsets: number[] = [];
  for (const part of parts) {
    let offset = offsets.length === 0 ? 0 : -Infinity;
    for (let depth = 0; depth < Math.min(right.length, part.left.length); depth++) {
      offset = Math.max(offset, (right[depth] ?? 0) - (part.left[depth] ?? 0) + GAP_X);
    }
    offsets.push(offset);
    for (let depth = 0; depth < part.left.length; depth++) {
      if (depth >= left.length) left.push((part.left[depth] ?? 0) + offset);
      right[depth] = (part.right[depth] ?? 0) + offset;
    }
  }
  return { offsets, contour: { left, right } };
}

/** The top of each layer; the root's is the lowest. */
function rows(nodes: LayoutNode[], rank: Map<number, number>): number[] {
  let deepest = 0;
  const ends = new Map<number, [number, number]>();
  for (const { id, frame } of nodes) {
    const at = rank.get(id) ?? 0;
    deepest = Math.max(deepest, at);
    if (frame === undefined) continue;
    const [low, high] = ends.get(frame) ?? [at, at];
    ends.set(frame, [Math.min(low, at), Math.max(high, at)]);
  }
  const foot = new Set([...ends.values()].map(([low]) => low));
  const head = new Set([...ends.values()].map(([, high]) => high));
  const tops: number[] = [];
  let y = head.has(deepest) ? FRAME_HEAD + FRAME_PAD : 0;
  for (let at = deepest; at >= 0; at--) {
    tops[at] = y;
    y += CARD_HEIGHT + GAP_Y + (foot.has(at) ? FRAME_PAD : 0) + (at > 0 && head.has(at - 1) ? FRAME_HEAD + FRAME_PAD : 0);
  }
  return tops;
}

function framesOf(nodes: LayoutNode[], boxes: Map<number, Box>): Frame[] {
  const found = new Map<number, Rect>();
  for (const { id, frame } of nodes) {
    const box = boxes.get(id);
    if (frame === undefined || !box) continue;
    const around = { x: box.x - FRAME_PAD, y: box.y - FRAME_PAD - FRAME_HEAD, width: box.width + 2 * FRAME_PAD, height: box.height + 2 * FRAME_PAD + FRAME_HEAD };
    const before = found.get(frame);
    found.set(frame, before ? union(before, around) : around);
  }
  return [...found].map(([id, rect]) => ({ id, ...rect }));
}

export function union(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, width: Math.max(a.x + a.width, b.x + b.width) - x, height: Math.max(a.y + a.height, b.y + b.height) - y };
}

function routesOf(edges: LayoutEdge[], inputs: Map<number, number[]>, boxes: Map<number, Box>): Route[] {
  const routes: Route[] = [];
  for (const { from, to } of edges) {
    const above = boxes.get(from);
    const below = boxes.get(to);
    if (!above || !below) continue;
    const xs = (inputs.get(to) ?? []).flatMap((id) => boxes.get(id)?.x ?? []);
    routes.push({
      from,
      to,
      x1: above.x + above.width / 2,
      y1: above.y + above.height,
      x2: below.x + below.width / 2 + entry(above.x, below.x, xs),
      y2: below.y,
      long: above.rank - below.rank > 1,
    });
  }
  return routes;
}

/** Where an edge comes in, from the middle: straight from above in the middle, others on their side, in order. */
function entry(from: number, to: number, all: number[]): number {
  if (all.length < 2 || Math.abs(from - to) < 1) return 0;
  const side = all.filter((x) => Math.abs(x - to) >= 1 && x < to === from < to).sort((a, b) => Math.abs(a - to) - Math.abs(b - to));
  const nth = side.indexOf(from) + 1;
  return (from < to ? -1 : 1) * CARD_WIDTH * (0.1 + 0.25 * (nth / side.length));
}

function maximum(values: number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
