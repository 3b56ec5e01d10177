import { Button } from './button';
import { Check } from './check';
import { Popover } from './popover';
import './column-chooser.css';

interface Props {
  columns: { id: string; title: string }[];
  shown: string[];
  /** undefined goes back to what is shown at first. */
  choose: (ids: string[] | undefined) => void;
}

export function ColumnChooser({ columns, shown, choose }: Props) {
  const toggle = (id: string) => {
    const next = shown.includes(id) ? shown.filter((one) => one !== id) : [...shown, id];
    if (next.length > 0) choose(columns.map((c) => c.id).filter((one) => next.includes(one)));
  };
  return (
    <Popover label="Choose columns" icon="columns" text="Columns" quiet>
      {() => (
        <fieldset class="column-chooser">
          <legend class="hidden-visually">Columns</legend>
          {columns.map((column) => (
            <Check key={column.id} on={shown.includes(column.id)} set={() => toggle(column.id)}>{column.title}</Check>
          ))}
          <Button onClick={() => choose(undefined)}>As at first</Button>
        </fieldset>
      )}
    </Popover>
  );
}
