import { useMemo } from 'preact/hooks';
import type { Accumulator, Stage } from '../../api/stages';
import { Section } from '../../components/section';
import { Empty } from '../../components/state';
import { type Column, Table } from '../../components/table';

export function Accumulators({ stage }: { stage: Stage }) {
  const columns = useMemo<Column<Accumulator>[]>(
    () => [
      { id: 'name', title: 'Name', width: 200, grow: 1, sort: (a) => a.name, cell: (a) => <span class="clip" title={a.name}>{a.name ?? '–'}</span> },
      { id: 'value', title: 'Value', width: 200, grow: 1, right: true, sort: (a) => number(a.value), cell: (a) => <code class="clip" title={a.value}>{a.value ?? '–'}</code> },
      { id: 'id', title: 'Id', width: 90, right: true, sort: (a) => a.id, cell: (a) => a.id },
    ],
    [],
  );
  return (
    <Section title="Accumulators" help="accumulators" flush>
      <Table
        id="stage-accumulators"
        label="Accumulators of the stage"
        columns={columns}
        rows={stage.accumulatorUpdates}
        rowKey={(a) => String(a.id)}
        prefix="a"
        most={640}
        empty={<Empty title="No named accumulator was updated">Programs get one with sparkContext.longAccumulator("name") and the like.</Empty>}
      />
    </Section>
  );
}

/** Most values are numbers, and sort as such. */
function number(value: string | undefined): number | string | undefined {
  return value === undefined || value === '' || Number.isNaN(Number(value)) ? value : Number(value);
}
