import { useMemo, useState } from 'preact/hooks';
import { applications, facets as facetsOf, FACETS } from '../../api/ours';
import { usePagedList } from '../../api/pages';
import { useResource } from '../../api/resource';
import { Button } from '../../components/button';
import { Copy } from '../../components/copy';
import { Icon } from '../../components/icon';
import { Search } from '../../components/search';
import { Empty, Note } from '../../components/state';
import { Table } from '../../components/table';
import { appUrl } from '../../core/address';
import { counted } from '../../core/format';
import { setQuery, useParam, usePlace } from '../../core/router';
import { useCrumbs } from '../../app/breadcrumbs';
import { appOf, columns } from './columns';
import { FacetPanel } from './facets';
import { FACET_TITLES, filterCount, filterOf, NO_FILTER } from './filter';
import { TimeRange } from './time-range';
import './applications.css';

const FIRST_SORT = '-startTime';

export default function Applications() {
  const { query } = usePlace();
  const [q, setQ] = useParam('q');
  const [panel, setPanel] = useState(false);
  useCrumbs(0, []);

  const asked = query.toString();
  const filter = useMemo(() => filterOf(query, Date.now()), [asked]);
  const sort = query.get('sort') ?? FIRST_SORT;
  const facets = useResource(facetsOf(filter), { keep: true, live: true });
  const list = usePagedList({
    page: (offset, length) => applications(filter, sort, offset, length),
    read: (answer) => ({ total: answer.total, rows: answer.applications }),
    // New applications come at any time.
    live: () => true,
  });
  const filters = filterCount(query);

  return (
    <div class={`page-fill apps${panel ? ' with-panel' : ''}`}>
      <aside class="apps-panel" aria-label="Filters">
        <FacetPanel facets={facets.data} />
      </aside>
      <div class="apps-list">
        <h1 class="hidden-visually">Applications</h1>
        <Table
          id="applications"
          label="Applications"
          columns={columns}
          rows={list}
          rowKey={(a) => `${a.cluster}/${a.id}/${a.attemptId ?? ''}`}
          href={(a) => appUrl(appOf(a))}
          sort={FIRST_SORT}
          fill
          empty={<Nothing filtered={filters > 0 || q !== ''} />}
          bar={
            <>
              <Button class="apps-filters" icon="filter" aria-expanded={panel} onClick={() => setPanel(!panel)}>
                Filters{filters > 0 ? ` (${filters})` : ''}
              </Button>
              <Search label="Search applications" placeholder="Name, id, user, SQL text, error…" value={q} onChange={setQ} wait={120} />
              <TimeRange />
              <span class="muted nowrap" aria-live="polite">{list.total === undefined ? '' : counted(list.total, 'application')}</span>
              <span class="spacer" />
              <Copy text={() => location.href} label="Copy a link to this view" said="Link to this view copied" icon="link" />
            </>
          }
          below={
            <>
              <Chosen />
              {list.error && list.total !== undefined && <Note title={`Not up to date: ${list.error.message}`}>{list.error.advice}</Note>}
            </>
          }
        />
      </div>
    </div>
  );
}

/** The filters in force, each with a way out. */
function Chosen() {
  const { query } = usePlace();
  const chips = FACETS.flatMap((facet) => query.getAll(facet).map((value) => ({ facet, value })));
  if (chips.length === 0) return null;
  return (
    <div class="apps-chips">
      {chips.map(({ facet, value }) => (
        <button key={`${facet}=${value}`} type="button" class="apps-chip" aria-label={`Remove ${FACET_TITLES[facet]} ${value}`}
          onClick={() => setQuery({ [facet]: query.getAll(facet).filter((one) => one !== value) })}>
          <span class="muted">{FACET_TITLES[facet]}</span> {value} <Icon name="close" />
        </button>
      ))}
      <Button quiet onClick={() => setQuery(NO_FILTER)}>Clear all</Button>
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Empty title="No application fits">
        Search looks for whole words in ids, names, users, labels, SQL texts and errors.{' '}
        <Button onClick={() => setQuery(NO_FILTER)}>Clear the filters</Button>
      </Empty>
    );
  }
  return (
    <Empty title="No applications yet">
      Afterglow lists an application as soon as it has read its log. <a href="/sources">The sources</a> say which logs it looks for, and whether it can read them.
    </Empty>
  );
}
