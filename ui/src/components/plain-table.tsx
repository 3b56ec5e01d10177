import type { ComponentChildren } from 'preact';
import { Help } from './help';
import type { HelpKey } from '../help';
import './plain-table.css';

interface PlainColumn<R> {
  /** Empty for a column that is only room. */
  title: string;
  help?: HelpKey;
  right?: boolean;
  /** Takes the room that is left; its text is cut. One column at most. */
  wide?: boolean;
  cell: (row: R) => ComponentChildren;
}

interface Props<R> {
  label: string;
  columns: PlainColumn<R>[];
  rows: R[];
  rowKey: (row: R) => string | number;
}

/** A few rows that need no sorting. Anything that may grow is a `Table`. */
export function PlainTable<R>({ label, columns, rows, rowKey }: Props<R>) {
  const kind = (c: PlainColumn<R>) => [c.right && 'right', c.wide && 'wide'].filter(Boolean).join(' ') || undefined;
  return (
    <div class="plain-scroll">
      <table class="plain" aria-label={label}>
        <thead>
          <tr>
            {columns.map((c) =>
              c.title === '' ? <td key="" class={kind(c)} /> : (
                <th key={c.title} scope="col" class={kind(c)}>
                  {c.title}
                  {c.help && <Help of={c.help} />}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((c) => (
                <td key={c.title} class={kind(c)}>{c.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
