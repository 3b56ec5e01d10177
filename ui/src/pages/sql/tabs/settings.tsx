import { Copy } from '../../../components/copy';
import { Section } from '../../../components/section';
import { Empty } from '../../../components/state';
import { counted } from '../../../core/format';
import { type Column, Table } from '../../../components/table';
import { settings as rowsOf, submitText } from '../../environment/settings';

type Setting = [name: string, value: string];

const asConf = (here: Setting[]) => submitText(rowsOf({ here }));

const columns: Column<Setting>[] = [
  { id: 'name', title: 'Setting', width: 280, grow: 2, pin: true, sort: ([name]) => name, cell: ([name]) => <code class="clip">{name}</code> },
  { id: 'value', title: 'Value', width: 200, grow: 3, sort: ([, value]) => value, cell: ([, value]) => <code class="clip" title={value}>{value}</code> },
  { id: 'copy', title: 'Copy', width: 70, cell: (one) => <Copy text={() => asConf([one]).text} label={`Copy ${one[0]} as --conf`} /> },
];

/** Settings of the session that were changed when it ran. */
export function Settings({ of }: { of: Record<string, string> }) {
  const settings = Object.entries(of);
  if (settings.length === 0) {
    return <Empty title="No changed settings">The session ran it with the settings that the application began with; those are on the Environment page. Logs of Spark before 3.4 do not say.</Empty>;
  }
  const { text, count, masked } = asConf(settings);
  return (
    <div class="sql-scroll">
      <div class="page">
        <Section title="Settings that the session changed" flush actions={<Copy text={text} label="Copy as --conf" said={`${counted(count, 'setting')} copied${masked > 0 ? `; ${masked} masked ones left out` : ''}`}>Copy as --conf</Copy>}>
          <Table id="sql-settings" prefix="c." label="Settings that the session changed" columns={columns} rows={settings} rowKey={([name]) => name} sort="name" most={640} />
        </Section>
      </div>
    </div>
  );
}
