import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ApiError, Endpoint } from './client';
import { fetchJson } from './client';
import { asApiError, LIVE_MS } from './resource';

/** Long lists, fetched as they are scrolled into view. */

export const PAGE = 200;
/** Rows around those in view that are fetched with them. */
const AHEAD = 150;
/** Pages kept; the rest is asked for again when scrolled back to. */
const KEPT = 40;

export interface Page<R> {
  total: number;
  rows: R[];
}

export interface PagedList<R> {
  /** The address of its first page: equal for equal lists. */
  key: string;
  /** undefined until the first page is there. */
  total: number | undefined;
  row: (at: number) => R | undefined;
  /** Called by the table with the rows in view. */
  show: (from: number, to: number) => void;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

interface Source<A, R> {
  /** The endpoint of a page. Two sources with the same first page are the same list. */
  page: (offset: number, length: number) => Endpoint<A>;
  read: (answer: A) => Page<R>;
  /** Whether to look again every five seconds, by the rows that are there. */
  live?: (rows: R[]) => boolean;
}

export function usePagedList<A, R>(source: Source<A, R>): PagedList<R> {
  const key = source.page(0, PAGE).url;
  const [, redraw] = useState(0);
  const latest = useRef(source);
  latest.current = source;

  const list = useMemo(() => new List<A, R>(latest, () => redraw((n) => n + 1)), [key]);
  // The rows of the list before stay until those of the new one are there: no flicker while typing.
  const before = useRef<List<A, R> | undefined>(undefined);
  useEffect(() => {
    list.open();
    return () => {
      list.close();
      before.current = list;
    };
  }, [list]);

  const shown = list.total === undefined && !list.error && before.current ? before.current : list;
  const row = useCallback((at: number) => shown.row(at), [shown]);
  const show = useCallback((from: number, to: number) => list.show(from, to), [list]);
  const reload = useCallback(() => list.refresh(), [list]);
  return { key, total: shown.total, row, show, error: list.error, loading: list.loading, reload };
}

class List<A, R> {
  total: number | undefined;
  error: ApiError | undefined;
  private readonly pages = new Map<number, R[]>();
  private readonly running = new Map<number, AbortController>();
  private view: [number, number] = [0, 0];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private poll: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly source: { current: Source<A, R> },
    private readonly changed: () => void,
  ) {}

  get loading(): boolean {
    return this.running.size > 0;
  }

  row(at: number): R | undefined {
    return this.pages.get(Math.floor(at / PAGE))?.[at % PAGE];
  }

  open(): void {
    this.closed = false;
    void this.load(0);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.poll);
    for (const abort of this.running.values()) abort.abort();
    this.running.clear();
  }

  show(from: number, to: number): void {
    // The next page is there before its first row comes into view: scrolling shows rows, not their places.
    const view: [number, number] = [Math.floor(Math.max(0, from - AHEAD) / PAGE), Math.floor(Math.max(from, Math.min(to + AHEAD, this.total ?? to) - 1) / PAGE)];
    if (view[0] === this.view[0] && view[1] === this.view[1]) return;
    this.view = view;
    clearTimeout(this.timer);
    // Dragging the scroll bar passes many pages: only where it rests is asked for.
    this.timer = setTimeout(() => this.fill(), 40);
  }

  refresh(): void {
    this.error = undefined;
    for (let page = this.view[0]; page <= this.view[1]; page++) void this.load(page, true);
    this.changed();
  }

  private fill(): void {
    for (const [page, abort] of this.running) {
      if (page >= this.view[0] && page <= this.view[1]) continue;
      abort.abort();
      this.running.delete(page);
    }
    for (let page = this.view[0]; page <= this.view[1]; page++) if (!this.pages.has(page)) void this.load(page);
  }

  private async load(page: number, again = false): Promise<void> {
    if (this.closed || this.running.has(page) || (!again && this.pages.has(page))) return;
    const abort = new AbortController();
    this.running.set(page, abort);
    const { page: endpoint, read } = this.source.current;
    const wanted = endpoint(page * PAGE, PAGE);
    try {
      const { total, rows } = read(await fetchJson(wanted, abort.signal));
      this.total = total;
      this.error = undefined;
      this.pages.delete(page);
      this.pages.set(page, rows);
      this.forget();
    } catch (e) {
      if (abort.signal.aborted) return;
      this.error = asApiError(e, wanted.url);
    }
    this.running.delete(page);
    this.schedule();
    this.changed();
  }

  private forget(): void {
    for (const page of this.pages.keys()) {
      if (this.pages.size <= KEPT) return;
      if (page < this.view[0] || page > this.view[1]) this.pages.delete(page);
    }
  }

  private schedule(): void {
    clearTimeout(this.poll);
    const { live } = this.source.current;
    const retry = this.error !== undefined && (this.error.status === 0 || this.error.status >= 502);
    if (this.closed || !(retry || live?.([...this.pages.values()].flat()))) return;
    this.poll = setTimeout(() => (document.hidden ? this.schedule() : this.refresh()), LIVE_MS);
  }
}
