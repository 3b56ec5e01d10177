import { useState } from 'preact/hooks';
import type { Facet, Facets, FacetValue } from '../../api/ours';
import { FACETS } from '../../api/ours';
import { kindOf, Mark } from '../../components/badge';
import { Check } from '../../components/check';
import { Count } from '../../components/number';
import { Search } from '../../components/search';
import { useParams } from '../../core/router';
import { FACET_TITLES } from './filter';

const FEW = 7;
/** Their values are shown as marks and words. */
const WITH_MARK = new Set<Facet>(['status', 'findings']);
const wordOf = (value: string): string => (value === 'none' ? 'Nothing found' : kindOf(value).word);
/** From here on, a list is searched rather than read. */
const MANY = 14;

export function FacetPanel({ facets }: { facets: Facets | undefined }) {
  return (
    <>
      {FACETS.map((facet) => (
        <FacetList key={facet} facet={facet} values={facets?.[facet]} />
      ))}
    </>
  );
}

function FacetList({ facet, values }: { facet: Facet; values: FacetValue[] | undefined }) {
  const [chosen, choose] = useParams(facet);
  const [all, setAll] = useState(false);
  const [wanted, setWanted] = useState('');
  const known = withChosen(values ?? [], chosen);
  if (known.length === 0) return null;
  const found = known.filter(({ value }) => value.toLowerCase().includes(wanted.toLowerCase()));
  const shown = all ? found : found.slice(0, FEW);
  const toggle = (value: string) => choose(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  return (
    <fieldset class="facet">
      <legend>{FACET_TITLES[facet]}</legend>
      {all && known.length > MANY && <Search label={`Find a ${FACET_TITLES[facet].toLowerCase()}`} value={wanted} onChange={setWanted} />}
      {shown.map(({ value, count }) => (
        <Check key={value} on={chosen.includes(value)} set={() => toggle(value)}>
          {WITH_MARK.has(facet) && <Mark tone={kindOf(value).tone} />}
          <span class="clip" title={value}>{WITH_MARK.has(facet) ? wordOf(value) : value || <em class="muted">none</em>}</span>
          <span class="facet-count"><Count v={count} unit="applications" /></span>
        </Check>
      ))}
      {known.length > FEW && (
        <button type="button" class="apps-more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Fewer' : `${known.length - FEW} more`}
        </button>
      )}
    </fieldset>
  );
}

/** What is chosen stays in the list, though nothing has it at the moment. */
function withChosen(values: FacetValue[], chosen: string[]): FacetValue[] {
  const missing = chosen.filter((one) => !values.some(({ value }) => value === one));
  return [...values, ...missing.map((value) => ({ value, count: 0 }))];
}
