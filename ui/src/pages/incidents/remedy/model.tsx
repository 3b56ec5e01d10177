import { askAgain, type IncidentRemediation, type ModelAdvice, remediation } from '../../../api/remediation';
import { useResource } from '../../../api/resource';
import { Badge } from '../../../components/badge';
import { Button } from '../../../components/button';
import { AdviceLine } from '../../../components/finding/advice-line';
import { Count, Time } from '../../../components/number';
import { clock, counted } from '../../../core/format';
import { useAct } from '../use-act';
import type { Who } from '../who';
import { Calls } from './calls';
import { type About, Cites } from './cites';
import { Feedback } from './feedback';
import { Money } from './money';
import { CopySettings } from './settings';
import { askable, STANDING } from './standing';

/** Of whose advice the parts of this section are. */
export interface Props {
  incident: number;
  of: IncidentRemediation;
  about: About;
  who: Who;
  reload: () => void;
}

/** What a model says, or why it says nothing. */
export function OfModel({ incident, of, about, who, reload }: Props) {
  const { tone, word } = STANDING[of.standing];
  const settings = of.advice?.answer?.settings ?? [];
  return (
    <div class="remedy-part">
      <header class="remedy-head">
        <h3>From a model</h3>
        <Badge tone={tone}>{word}</Badge>
        <CopySettings of={settings} />
      </header>
      {of.advice?.answer ? <Given of={of.advice} about={about} /> : <Standing incident={incident} of={of} who={who} reload={reload} />}
      <Cost of={of} />
      {of.advice?.answer && <Feedback incident={incident} about="model" given={of.feedback} who={who} reload={reload} />}
      <Calls of={of.calls} />
    </div>
  );
}

function Given({ of, about }: { of: ModelAdvice; about: About }) {
  const { answer } = of;
  if (answer === null) return null;
  const cited = of.cited ?? [];
  const cites = (ids: string[]) => <Cites ids={ids} cited={cited} about={about} />;
  const dropped = Object.entries(answer.dropped);
  const left = dropped.reduce((all, [, n]) => all + n, 0);
  return (
    <>
      {answer.cause && <p class="remedy-cause">{answer.cause.text} {cites(answer.cause.cites)}</p>}
      {answer.steps.length > 0 && <ol class="remedy-steps">{answer.steps.map((s) => <li key={s.text}>{s.text} {cites(s.cites)}</li>)}</ol>}
      {answer.settings.length > 0 && (
        <ul class="found-advice">
          {answer.settings.map((s) => <li key={s.key}><AdviceLine of={{ ...s, min_spark_version: null }}>{cites(s.cites)}</AdviceLine></li>)}
        </ul>
      )}
      {left > 0 && (
        <p class="muted">{counted(left, 'more claim')} left out: {dropped.map(([why, n]) => `${n} ${why}`).join(', ')}.</p>
      )}
      <p class="muted">That a claim cites something does not make it true: look at what it cites.</p>
    </>
  );
}

function Standing({ incident, of, who: [who], reload }: Omit<Props, 'about'>) {
  const { title, text } = STANDING[of.standing];
  const { busy, run } = useAct(reload);
  const paused = useResource(of.standing === 'breaker' ? remediation() : undefined);
  const until = paused.data?.breaker?.until ?? null;
  const nameless = who.trim() === '';
  const last = of.calls.find((c) => c.error !== null);
  const why = of.advice?.why ?? null;
  return (
    <div class="remedy-standing" role="status">
      <p><strong>{title}</strong>{why !== null && <>: {why}</>}</p>
      {of.standing === 'asking' && of.advice && (
        <p>Request {Math.max(1, of.calls.length)} of {of.attempts} at most, until {clock(of.advice.deadline)}.{last && <> The last one: {last.error}</>}</p>
      )}
      {of.standing === 'breaker' && paused.data?.breaker && <p>{until !== null && until > Date.now() ? <>Nobody is asked until {clock(until)}.</> : 'The pause is over: the next request tries.'}</p>}
      {text !== '' && <p class="muted">{text} {of.standing === 'off' && <a href="/docs/remediation#a-models-advice">How to turn it on</a>}{of.standing === 'budget' && <a href="/incidents?view=remediation">What was spent</a>}</p>}
      {askable(of.standing) && (
        <p><Button disabled={busy || nameless} title={nameless ? 'Say who you are, above' : 'Within the budgets, as ever'} onClick={() => run(askAgain(incident, who), 'To be asked')}>{of.calls.length > 0 ? 'Ask again' : 'Ask now'}</Button></p>
      )}
    </div>
  );
}

/** Which model, when, and what it cost. */
function Cost({ of }: { of: IncidentRemediation }) {
  const { advice, calls } = of;
  if (advice === null || (calls.length === 0 && advice.answer === null)) return null;
  const sum = (part: (c: (typeof calls)[number]) => number) => calls.reduce((all, c) => all + part(c), 0);
  const priced = calls.length > 0 && calls.every((c) => c.counted.money !== null);
  return (
    <p class="fact-line muted">
      {advice.model !== '' && <span>{advice.model}</span>}
      <span><Time v={advice.at} /></span>
      {advice.reused_from !== null ? (
        <span>first given <Time v={advice.reused_from} /> for a case that was alike; numbers in it are of that time, and nothing was asked anew</span>
      ) : (
        <>
          <span>{counted(calls.length, 'request')}</span>
          <span><Count v={sum((c) => c.counted.tokens)} unit="tokens" /> tokens</span>
          <span>{priced ? <>cost <Money v={sum((c) => c.counted.money ?? 0)} /></> : 'price not known'}</span>
        </>
      )}
    </p>
  );
}
