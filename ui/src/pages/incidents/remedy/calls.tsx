import type { Call } from '../../../api/remediation';
import { Badge } from '../../../components/badge';
import { LongText } from '../../../components/long-text';
import { Count, Duration, Time } from '../../../components/number';
import { counted } from '../../../core/format';
import { Money } from './money';

/** Every request about an incident with its answer, exactly as sent and received, folded away. */
export function Calls({ of }: { of: Call[] }) {
  if (of.length === 0) return null;
  return (
    <details class="remedy-calls">
      <summary>What was asked ({counted(of.length, 'request')})</summary>
      <p class="muted">As it was sent, masked, and as it came back, before it was checked.</p>
      {of.map((call) => <One key={call.id} of={call} />)}
    </details>
  );
}

function One({ of }: { of: Call }) {
  return (
    <div class="remedy-call">
      <p class="fact-line">
        <span><Time v={of.at} /></span>
        <span><Badge tone={of.outcome === 'answered' ? 'ok' : of.outcome === 'asking' ? 'run' : 'warn'}>{of.outcome}</Badge></span>
        <span>{of.model}</span>
        <span>{of.tokens ? <><Count v={of.tokens.input} unit="tokens sent" /> tokens sent, <Count v={of.tokens.output} unit="tokens received" /> received</> : <>counted as <Count v={of.counted.tokens} unit="tokens" /> tokens</>}</span>
        {of.counted.money !== null && <span>cost <Money v={of.counted.money} /></span>}
        <span><Duration v={of.counted.ms} /></span>
        {of.dropped > 0 && <span>{counted(of.dropped, 'claim')} left out</span>}
      </p>
      {of.error !== null && <p class="failure-text">{of.error}</p>}
      <Text of={of.id} title="Instructions" text={of.system} />
      <Text of={of.id} title="Message" text={pretty(of.prompt)} />
      {of.answer !== null && <Text of={of.id} title="Answer" text={pretty(of.answer)} />}
    </div>
  );
}

function Text({ of, title, text }: { of: number; title: string; text: string }) {
  return (
    <div>
      <h4>{title}</h4>
      <LongText text={text} label={`${title} of request ${of}`} lines={8} />
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
