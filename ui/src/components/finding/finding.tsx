import type { Evidence, Finding } from '../../api/findings';
import { type AppRef, appUrl } from '../../core/address';
import { counted } from '../../core/format';
import { Status } from '../badge';
import { Link } from '../link';
import { Num } from '../number';
import { isSetting, keyOf, stakes } from './advice';
import { AdviceLine } from './advice-line';
import { evidenceUrl, placeUrl } from './places';
import { EvidenceValue } from './value';
import './finding.css';

const SURE = {
  certain: { word: 'Certain', means: 'The log says so itself' },
  likely: { word: 'Likely', means: 'The usual cause of such numbers' },
  possible: { word: 'Possible', means: 'A sign; other causes would look the same' },
};

interface Props {
  app: AppRef;
  of: Finding;
  /** The same elsewhere in the application. */
  others?: Finding[];
  /** Whether its place is said: not on the page of that place. */
  place?: boolean;
  /** Whether it says what to do: not where that stands beside it. */
  advice?: boolean;
}

/** What is wrong and where, what it costs, what to do, and the numbers that say so. */
export function FindingCard({ app, of, others = [], place = true, advice: advises = true }: Props) {
  const sure = SURE[of.sure];
  const stake = stakes(of.at_stake);
  return (
    <article class={`found ${of.severity}`} data-rule={of.rule}>
      <header class="found-head">
        <Status of={of.severity} />
        <h3>{of.summary}</h3>
        {stake.length > 0 && (
          <span class="found-stake">
            <span class="muted">at stake</span>
            {stake.map((s) => <Num key={s.exact} title={s.exact}>{s.text}</Num>)}
          </span>
        )}
      </header>
      <p class="found-about fact-line muted">
        {place && <span>{of.where.kind === 'application' ? 'the whole application' : <Link to={placeUrl(app, of.where)}>{of.where.text}</Link>}</span>}
        <span><Link to={`/rules/${encodeURIComponent(of.rule)}`} title="What this rule sees, its threshold, and how to check">{of.rule}</Link></span>
        <span title={sure.means}>{sure.word.toLowerCase()}</span>
      </p>
      {advises && of.advice.length > 0 && (
        <ul class="found-advice">
          {of.advice.map((advice) => <li key={isSetting(advice) ? advice.key : advice.text}><AdviceLine of={advice} /></li>)}
        </ul>
      )}
      {others.length > 0 && <Others app={app} of={others} />}
      {of.evidence.length > 0 && (
        <details class="found-evidence">
          <summary>Evidence ({of.evidence.length})</summary>
          <dl>
            {of.evidence.map((evidence) => (
              <div key={evidence.name}>
                <dt>{evidence.name}</dt>
                <dd><EvidenceValue of={evidence} /></dd>
                <dd><Proof app={app} of={evidence} /></dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </article>
  );
}

/** Where a number can be looked up. */
function Proof({ app, of }: { app: AppRef; of: Evidence }) {
  const page = evidenceUrl(app, of);
  if (of.path === undefined) {
    const text = 'computed from the others';
    return page === undefined ? <span class="muted">{text}</span> : <Link to={page} title={of.computed_from}>{text}</Link>;
  }
  const at = `${of.path} ${of.pointer ?? ''}`;
  return (
    <>
      {page !== undefined && <Link to={page} title={at}>see it</Link>}
      <a href={of.path} target="_blank" rel="noreferrer" title={at} class="found-json">JSON<span class="hidden-visually"> of {of.name}, in a new tab</span></a>
    </>
  );
}

const NAMED = 6;

function Others({ app, of }: { app: AppRef; of: Finding[] }) {
  return (
    <p class="found-others">
      <span class="muted">Also</span>
      {of.slice(0, NAMED).map((f) => <Link key={keyOf(f)} to={placeUrl(app, f.where)} title={f.summary}>{f.where.text}</Link>)}
      {of.length > NAMED && <Link to={appUrl(app, 'findings', { rule: of[0]?.rule })}>and {counted(of.length - NAMED, 'more', 'more')}</Link>}
    </p>
  );
}
