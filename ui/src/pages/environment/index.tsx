import { useMemo } from 'preact/hooks';
import { settingsDefaults } from '../../api/ours';
import { useResource } from '../../api/resource';
import { environment, type Environment as Answer, type ResourceProfile } from '../../api/spark';
import { useApp } from '../../app/app-context';
import { Button } from '../../components/button';
import { Check } from '../../components/check';
import { copyText } from '../../components/copy';
import { PlainTable } from '../../components/plain-table';
import { Search } from '../../components/search';
import { Empty, Failed, Loaded, Note, Skeleton } from '../../components/state';
import { Table } from '../../components/table';
import { count } from '../../core/format';
import { useParam } from '../../core/router';
import { alone, compared } from './columns';
import { Compare } from './compare';
import { readOther } from './other';
import { byArtifact, GROUPS, type Group, isOfTheRun, type Setting, settings, submitText } from './settings';
import './environment.css';

const PROFILES = 'profiles';

export default function EnvironmentPage() {
  const { app, live } = useApp();
  const here = useResource(environment(app), { live });
  return (
    <div class="page-fill environment">
      <Loaded of={here} skeleton={<div class="page environment-waiting"><Skeleton lines={14} /></div>}>
        {(data) => <Settings here={data} />}
      </Loaded>
    </div>
  );
}

function Settings({ here }: { here: Answer }) {
  const { overview } = useApp();
  const [group, setGroup] = useParam('group', 'spark');
  const [q, setQ] = useParam('q');
  const [all, setAll] = useParam('all');
  const [unset, setUnset] = useParam('defaults');
  const [withText] = useParam('with');
  const other = useMemo(() => readOther(withText), [withText]);
  const there = useResource(other && environment(other));
  const version = overview.data?.sparkVersion;
  const defaults = useResource(version === undefined ? undefined : settingsDefaults(version));

  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (s: Setting) => words.every((w) => `${s.name} ${s.value ?? ''} ${s.other ?? ''}`.toLowerCase().includes(w));
  const comparing = other !== undefined && there.data !== undefined;
  const entries = (one: Group, of: Answer) => (comparing && one.id === 'classpath' ? byArtifact(one.of(of)) : [...one.of(of)]);
  const rowsOf = (one: Group, withUnset: boolean) =>
    settings({
      here: entries(one, here),
      there: there.data && entries(one, there.data),
      defaults: one.id === 'spark' ? defaults.data : undefined,
      withUnset: withUnset && one.id === 'spark' && !comparing,
    }).filter((s) => fits(s) && (!comparing || all === '1' || (s.difference !== 'same' && !isOfTheRun(s.name))));

  const groups = useMemo(
    () => GROUPS.map((one) => ({ one, rows: rowsOf(one, unset === '1') })),
    [here, there.data, defaults.data, q, all, unset, comparing],
  );
  const shown = groups.find(({ one }) => one.id === group);
  const columns = useMemo(() => (comparing ? compared('This run', `The other: ${other.id}`) : group === 'spark' ? alone : alone.slice(0, 2)), [comparing, other?.id, group]);

  const copy = () => {
    const { text, count: n, masked } = submitText(groups[0]?.rows ?? []);
    void copyText(text, `${n} settings copied${masked > 0 ? `; ${masked} masked left out` : ''}`);
  };

  return (
    <>
      <nav class="environment-groups" aria-label="Kinds of settings">
        {groups.map(({ one, rows }) => (
          <button key={one.id} type="button" aria-current={one.id === group ? 'true' : undefined} onClick={() => setGroup(one.id)}>
            {one.title} <span class="tab-count">{count(rows.length)}</span>
          </button>
        ))}
        {here.resourceProfiles.length > 0 && (
          <button type="button" aria-current={group === PROFILES ? 'true' : undefined} onClick={() => setGroup(PROFILES)}>
            Resource profiles <span class="tab-count">{count(here.resourceProfiles.length)}</span>
          </button>
        )}
      </nav>
      <div class="environment-main">
        {group === PROFILES ? (
          <Profiles of={here.resourceProfiles} />
        ) : (
          <Table
            key={comparing ? 'compared' : 'alone'}
            id={comparing ? 'settings-compared' : 'settings'}
            label={`${shown?.one.title ?? ''} settings`}
            columns={columns}
            rows={shown?.rows ?? []}
            shows={`${group} ${q} ${all} ${unset}`}
            rowKey={(s) => s.name}
            rowClass={(s) => (s.isDefault ? 'by-default' : undefined)}
            sort="name"
            fill
            empty={<Nothing comparing={comparing} searching={q !== ''} />}
            bar={
              <>
                <Search label="Search settings" value={q} onChange={setQ} />
                <Compare other={other} />
                {comparing && <Check title="Also what is the same, and what differs in every run" on={all === '1'} set={(on) => setAll(on ? '1' : undefined)}>Show all</Check>}
                {!comparing && group === 'spark' && defaults.data && <Check title="Also settings that nobody set, with the value Spark uses" on={unset === '1'} set={(on) => setUnset(on ? '1' : undefined)}>Show defaults</Check>}
                <span class="spacer" />
                {group === 'spark' && <Button icon="copy" onClick={copy} title="What is shown, as --conf arguments; without what Spark sets itself, and without masked secrets">Copy for spark-submit</Button>}
              </>
            }
            below={
              <>
                {there.error && <Failed error={there.error} retry={there.reload} />}
                {other && there.loading && !there.data && <Note tone="info" title={`Reading the settings of ${other.id}…`} />}
              </>
            }
          />
        )}
      </div>
    </>
  );
}

function Nothing({ comparing, searching }: { comparing: boolean; searching: boolean }) {
  if (searching) return <Empty title="No setting fits">The search looks at names and values of this group; the others are at the left.</Empty>;
  if (comparing) return <Empty title="No difference">Both applications have the same settings here, but for what differs in every run.</Empty>;
  return <Empty title="The log has none of these" />;
}

function Profiles({ of }: { of: ResourceProfile[] }) {
  const rows = of.flatMap((profile) => [
    ...Object.values(profile.executorResources).map((r) => ({ key: `${profile.id} e ${r.resourceName}`, id: profile.id, of: 'executor', name: r.resourceName, amount: r.amount, more: [r.vendor, r.discoveryScript].filter(Boolean).join(' ') })),
    ...Object.values(profile.taskResources).map((r) => ({ key: `${profile.id} t ${r.resourceName}`, id: profile.id, of: 'task', name: r.resourceName, amount: r.amount, more: '' })),
  ]);
  return (
    <div class="environment-profiles">
      <PlainTable
        label="Resource profiles"
        rows={rows}
        rowKey={(r) => r.key}
        columns={[
          { title: 'Profile', cell: (r) => r.id },
          { title: 'For each', cell: (r) => r.of },
          { title: 'Resource', cell: (r) => r.name },
          { title: 'Amount', right: true, cell: (r) => amount(r.name, r.amount) },
          { title: 'Found by', wide: true, cell: (r) => r.more },
        ]}
      />
    </div>
  );
}

/** Spark counts memory in MiB here. */
const amount = (name: string, n: number): string => (/memory|offHeap/i.test(name) ? `${count(n)} MiB` : count(n));
