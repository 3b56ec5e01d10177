import { Component, type ComponentChildren } from 'preact';
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PagedList } from '../api/pages';
import { readPref, writePref } from '../core/prefs';
import { navigate, setQuery, usePlace } from '../core/router';
import { scrollTo, windowOf } from '../core/window';
import type { HelpKey } from '../help';
import { Button } from './button';
import { ColumnChooser } from './column-chooser';
import { Help } from './help';
import { Icon } from './icon';
import { isPage } from '../pages';
import { counted } from '../core/format';
import { sortRows } from './table-sort';
import { Empty, Failed } from './state';
import './table.css';

export interface Column<R> {
  id: string;
  title: string;
  help?: HelpKey;
  /** Least width, pixels. */
  width: number;
  /** Its part of the room that is left. */
  grow?: number;
  right?: boolean;
  /** What an array of rows is sorted by; for paged lists true says that the server sorts by `id`. */
  sort?: true | ((row: R) => number | string | undefined);
  /** Sorted downwards at the first click: where large is interesting. */
  down?: boolean;
  /** Of the row alone: it is drawn anew when the row or `columns` changes, and not before. */
  cell: (row: R) => ComponentChildren;
  /** Not shown until chosen. */
  spare?: boolean;
  /** Stays in view when the table is scrolled sideways; for the column that names the row. */
  pin?: boolean;
}

interface Props<R> {
  /** Names the table in the user's preferences. */
  id: string;
  label: string;
  columns: Column<R>[];
  /** All rows, undefined until they are there; or a list that is fetched as it is scrolled. */
  rows: R[] | PagedList<R> | undefined;
  rowKey: (row: R) => string;
  /** Where a click on the row and Enter lead. */
  href?: (row: R) => string | undefined;
  /** What an array of rows was chosen by: with other words the table begins at its top. */
  shows?: string;
  /** The order at first: a column's id, `-` before it for downwards. */
  sort?: string;
  /** Before the names of parameters in the address; the main table of a page has none. */
  prefix?: string;
  empty?: ComponentChildren;
  /** Fills the height that is left; otherwise as high as its rows, up to `most`. */
  fill?: boolean;
  most?: number;
  rowHeight?: number;
  rowClass?: (row: R) => string | undefined;
  /** Above the table, before the chooser of columns. */
  bar?: ComponentChildren;
  /** Between the bar and the table. */
  below?: ComponentChildren;
}

const OVERSCAN = 8;
/** Where tables stood, by what they showed: going back finds the same rows. */
const stood = new Map<string, number>();

/** A table of any length: sorted, with columns of one's choice, and reachable by keyboard. */
export function Table<R>(props: Props<R>) {
  const { id, label, columns, rowKey, href, prefix = '', fill, most = 480, rowHeight = 32 } = props;
  const { path, query } = usePlace();
  const sort = query.get(`${prefix}sort`) ?? props.sort ?? '';
  const shown = useShownColumns(id, columns, prefix);
  const sorted = useMemo(() => (Array.isArray(props.rows) ? sortRows(props.rows, columns, sort) : undefined), [props.rows, sort, columns]);
  const list = Array.isArray(props.rows) ? undefined : props.rows;
  const total = sorted ? sorted.length : list?.total;
  const rowAt = (at: number): R | undefined => (sorted ? sorted[at] : list?.row(at));

  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600, left: 0, width: Infinity });
  const [active, setActive] = useState(-1);
  const tableId = useId();

  const header = 34;
  const seen = windowOf(view.top, view.height - header, total ?? 0, rowHeight, OVERSCAN);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      const { scrollTop: top, clientHeight: height, scrollLeft: left, clientWidth: width } = element;
      setView((v) => (v.top === top && v.height === height && v.left === left && v.width === width ? v : { top, height, left, width }));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);

  // Back to where it stood; another order or filter begins at the top, other parameters of the address move nothing.
  const place = `${id} ${path} ${list ? list.key : `${sort} ${props.shows ?? ''}`}`;
  const ready = total !== undefined;
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !ready) return;
    element.scrollTop = stood.get(place) ?? 0;
    const keep = () => void stood.set(place, element.scrollTop);
    element.addEventListener('scroll', keep, { passive: true });
    return () => element.removeEventListener('scroll', keep);
  }, [place, ready]);

  useEffect(() => list?.show(seen.first, seen.last), [list?.show, seen.first, seen.last]);

  const move = useCallback(
    (to: number) => {
      const count = total ?? 0;
      const at = Math.max(0, Math.min(count - 1, to));
      setActive(at);
      const element = box.current;
      if (element) element.scrollTop = scrollTo(at, element.scrollTop, element.clientHeight - header, count, rowHeight);
    },
    [total, rowHeight],
  );

  const pressed = (event: KeyboardEvent) => {
    if (event.target !== box.current) return;
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 2);
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: (total ?? 0) - 1 };
    const to = steps[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === 'Enter') {
      follow(urlAt(active), event.ctrlKey || event.metaKey);
    }
  };

  const urlAt = (at: number): string | undefined => {
    const row = rowAt(at);
    const url = row && href?.(row);
    return url && isPage(new URL(url, location.href).pathname) ? url : undefined;
  };
  const clicked = (event: MouseEvent) => {
    const at = rowUnder(event);
    if (at !== undefined && getSelection()?.isCollapsed !== false) follow(urlAt(at), event.button === 1 || event.ctrlKey || event.metaKey);
  };
  const touched = (event: MouseEvent) => {
    const at = rowUnder(event);
    if (at === undefined) return;
    setActive(at);
    // The middle button would begin to scroll the page.
    if (event.button === 1 && urlAt(at)) event.preventDefault();
  };

  const sortBy = (column: Column<R>) => {
    const down = sort === `-${column.id}`;
    const up = sort === column.id;
    const next = down ? column.id : up ? `-${column.id}` : `${column.down ? '-' : ''}${column.id}`;
    setQuery({ [`${prefix}sort`]: next === props.sort ? undefined : next });
  };

  const grid = shown.columns.map((c) => `minmax(${c.width}px, ${c.grow ?? 0.001}fr)`).join(' ');
  const least = shown.columns.reduce((all, c) => all + c.width, 0);
  const beyond = total === 0 ? 0 : columnsBeyond(shown.columns.map((c) => c.width), view.left + view.width);
  const natural = (total ?? 4) * rowHeight + header + 2;
  const style = { '--grid': grid, '--least': `${least}px`, '--row': `${rowHeight}px`, ...(fill || total === 0 ? {} : { height: `${Math.min(most, natural)}px` }) };

  if (list?.error && list.total === undefined) return <Failed error={list.error} retry={list.reload} />;
  return (
    <div class={`table-frame${fill ? ' fill' : ''}`}>
      {(props.bar !== undefined || columns.some((c) => c.spare)) && (
        <div class="table-bar">
          {props.bar}
          {columns.some((c) => c.spare) && <ColumnChooser columns={columns} shown={shown.ids} choose={shown.choose} />}
        </div>
      )}
      {props.below}
      <div
        ref={box}
        class={`table${total === 0 ? ' none' : ''}`}
        role="grid"
        aria-label={label}
        aria-rowcount={(total ?? 0) + 1}
        aria-colcount={shown.columns.length}
        aria-busy={list?.loading ?? false}
        aria-activedescendant={active >= seen.first && active < seen.last ? `${tableId}-${active}` : undefined}
        tabIndex={0}
        style={style}
        onKeyDown={pressed}
        onFocus={(event) => event.target === box.current && active < 0 && total ? setActive(seen.first) : undefined}
      >
        <div class="table-head" role="rowgroup">
          <div class="table-row" role="row" aria-rowindex={1}>
            {shown.columns.map((column) => (
              <Head key={column.id} column={column} sort={sort} onSort={() => sortBy(column)} />
            ))}
          </div>
        </div>
        {total === 0 ? (
          <div role="rowgroup"><div role="row"><div role="gridcell" class="table-empty">{props.empty ?? <Empty title="Nothing here" />}</div></div></div>
        ) : (
          <div class="table-body" role="rowgroup" style={{ height: total === undefined ? '100%' : `${seen.height}px` }} onMouseDown={touched} onClick={clicked} onAuxClick={(event) => event.button === 1 && clicked(event)}>
            <div class="table-rows" role="presentation" style={{ transform: `translateY(${seen.top}px)` }}>
              {total === undefined
                ? Array.from({ length: 12 }, (_, at) => <Waiting key={at} columns={shown.columns} index={at} />)
                : Array.from({ length: seen.last - seen.first }, (_, n) => {
                    const at = seen.first + n;
                    const row = rowAt(at);
                    if (row === undefined) return <Waiting key={`waiting ${at}`} columns={shown.columns} index={at} />;
                    const kind = `table-row${at === active ? ' active' : ''}${href?.(row) ? ' leads' : ''} ${props.rowClass?.(row) ?? ''}`;
                    return <Row key={rowKey(row)} id={tableId} at={at} row={row} columns={shown.columns} kind={kind} />;
                  })}
            </div>
          </div>
        )}
      </div>
      {beyond > 0 && (
        <div class="table-more" style={{ height: `${view.height}px` }}>
          <Button quiet icon="right" label={`${counted(beyond, 'more column')}: scroll sideways`} onClick={() => box.current?.scrollBy({ left: 0.7 * view.width, behavior: 'smooth' })} />
        </div>
      )}
    </div>
  );
}

/** Columns that are at least in part beyond the right edge. Where a table is too wide, each is as narrow as it may be. */
function columnsBeyond(widths: number[], edge: number): number {
  let right = 0;
  return widths.filter((width) => (right += width) > edge + 2).length;
}

/** The row that a click was meant for; not if it was for something inside that does something itself. */
function rowUnder({ target }: MouseEvent): number | undefined {
  const element = target as Element;
  if (element.closest('a, button, input, label, summary, [popover]')) return undefined;
  const index = element.closest('.table-row')?.getAttribute('aria-rowindex');
  return index == null ? undefined : Number(index) - 2;
}

function follow(url: string | undefined, inTab: boolean): void {
  if (url === undefined) return;
  if (inTab) window.open(url, '_blank', 'noopener');
  // What only changes the view of this page is no place to come back to.
  else navigate(url, { replace: new URL(url, location.href).pathname === location.pathname });
}

const cellClass = <R,>(c: Column<R>): string => `cell${c.right ? ' right' : ''}${c.pin ? ' pin' : ''}`;

function Head<R>({ column, sort, onSort }: { column: Column<R>; sort: string; onSort: () => void }) {
  const way = sort === column.id ? 'ascending' : sort === `-${column.id}` ? 'descending' : undefined;
  return (
    <div role="columnheader" class={cellClass(column)} aria-sort={way ?? (column.sort ? 'none' : undefined)}>
      {column.sort ? (
        <button type="button" class="table-sort" onClick={onSort}>
          <span class="clip">{column.title}</span>
          {way && <Icon name={way === 'ascending' ? 'up' : 'down'} />}
        </button>
      ) : (
        <span class="clip">{column.title}</span>
      )}
      {column.help && <Help of={column.help} />}
    </div>
  );
}

interface RowProps<R> {
  id: string;
  at: number;
  row: R;
  columns: Column<R>[];
  kind: string;
}

/** Drawn again only if something of it changed: scrolling moves rows, it does not change them. */
class Row<R> extends Component<RowProps<R>> {
  override shouldComponentUpdate(next: RowProps<R>): boolean {
    const { row, at, columns, kind } = this.props;
    return row !== next.row || at !== next.at || columns !== next.columns || kind !== next.kind;
  }

  override render({ id, at, row, columns, kind }: RowProps<R>) {
    return (
      <div id={`${id}-${at}`} class={kind} role="row" aria-rowindex={at + 2}>
        {columns.map((column) => (
          <div key={column.id} role="gridcell" class={cellClass(column)}>{column.cell(row)}</div>
        ))}
      </div>
    );
  }
}

function Waiting<R>({ columns, index }: { columns: Column<R>[]; index: number }) {
  return (
    <div class="table-row waiting" role="row" aria-rowindex={index + 2}>
      {columns.map((c) => (
        <div key={c.id} role="gridcell" class={cellClass(c)}>
          <span style={{ width: `${35 + ((index * 17 + c.width) % 45)}%` }} />
        </div>
      ))}
    </div>
  );
}

function useShownColumns<R>(id: string, columns: Column<R>[], prefix: string) {
  const { query } = usePlace();
  const named = query.get(`${prefix}cols`);
  const ids = useMemo(() => {
    const chosen = named?.split('.') ?? readPref<string[]>(`columns.${id}`);
    const known = chosen?.filter((one) => columns.some((c) => c.id === one));
    return known?.length ? known : columns.filter((c) => !c.spare).map((c) => c.id);
  }, [named, id, columns]);
  const choose = (next: string[] | undefined) => {
    writePref(`columns.${id}`, next);
    setQuery({ [`${prefix}cols`]: next?.join('.') });
  };
  const shown = useMemo(() => columns.filter((c) => ids.includes(c.id)), [columns, ids]);
  return { ids, columns: shown, choose };
}
