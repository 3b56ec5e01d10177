// Checks each dashboard against the types that Grafana publishes of what it stores: the dashboard itself, and of each panel the options of its kind.
// The types of TypeScript are strict about literals only, so that the JSON is put into a file of it, with the options of each panel on their own.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const dashboards = fileURLToPath(new URL('../../../dashboards/', import.meta.url));

/** Where the package has the options of a kind of panel; `fields` if it has properties of fields, too. */
const KINDS = {
  stat: { name: 'Stat', fields: false },
  'state-timeline': { name: 'StateTimeline', fields: true },
  table: { name: 'Table', fields: true },
  text: { name: 'Text', fields: false },
  timeseries: { name: 'TimeSeries', fields: true },
};

const folder = (name) => name.toLowerCase();
const head = [`import type { Dashboard } from '@grafana/schema';`, `import type { Plain } from '../plain';`];
for (const { name } of Object.values(KINDS))
  head.push(`import type * as ${name} from '@grafana/schema/dist/esm/raw/composable/${folder(name)}/panelcfg/x/${name}PanelCfg_types.gen';`);

function typed(file) {
  const dashboard = JSON.parse(readFileSync(dashboards + file, 'utf8'));
  // Of queries the package has what all data sources share, not what SQL adds.
  for (const { target } of dashboard.annotations.list) for (const key of Object.keys(target)) if (!['refId', 'datasource'].includes(key)) delete target[key];
  const lines = [...head, `export const dashboard: Plain<Dashboard> = ${JSON.stringify(dashboard, null, 1)};`];
  for (const panel of dashboard.panels.filter((p) => p.type !== 'row')) {
    const kind = KINDS[panel.type];
    if (!kind) throw new Error(`${file}: ${panel.title}: no options are known of panels of type ${panel.type}`);
    lines.push(`// ${panel.title}`);
    // What is absent has a default.
    lines.push(`export const options${panel.id}: Partial<Plain<${kind.name}.Options>> = ${JSON.stringify(panel.options)};`);
    const custom = panel.fieldConfig.defaults.custom;
    if (custom && !kind.fields) throw new Error(`${file}: ${panel.title}: panels of type ${panel.type} have no fields of their own`);
    if (custom) lines.push(`export const custom${panel.id}: Partial<Plain<${kind.name}.FieldConfig>> = ${JSON.stringify(custom)};`);
  }
  return lines.join('\n') + '\n';
}

rmSync(here + 'typed', { recursive: true, force: true });
mkdirSync(here + 'typed');
const files = readdirSync(dashboards).filter((f) => f.endsWith('.json'));
for (const file of files) writeFileSync(`${here}typed/${file.replace('.json', '.ts')}`, typed(file));
// A file that is wrong on purpose: if this passes, the check checks nothing.
const wrong = typed(files[0]).replace('"graphTooltip": 1', '"graphTooltip": "one"').replace('"placement":"bottom"', '"placement":"below"');
writeFileSync(`${here}typed/wrong.ts`, wrong);

const tsc = (...of) =>
  spawnSync('node_modules/.bin/tsc', ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', ...of], { cwd: here, encoding: 'utf8' });
const checked = tsc(...files.map((f) => `typed/${f.replace('.json', '.ts')}`));
process.stdout.write(checked.stdout + checked.stderr);
const complaints = tsc('typed/wrong.ts').stdout.match(/error TS2322/g)?.length ?? 0;
if (complaints < 2) console.error(`what is wrong on purpose has ${complaints} errors, and should have two`);
rmSync(here + 'typed', { recursive: true, force: true });
process.exit(checked.status || (complaints < 2 ? 1 : 0));
