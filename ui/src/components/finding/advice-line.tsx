import type { ComponentChildren } from 'preact';
import type { Advice } from '../../api/findings';
import { confs } from '../../core/shell';
import { Copy } from '../copy';
import { isSetting } from './advice';
import './finding.css';

/** One piece of advice: a setting with what it is and what it should be, or a sentence. `children` are what else is known of it. */
export function AdviceLine({ of, children }: { of: Advice; children?: ComponentChildren }) {
  if (!isSetting(of)) return <><p>{of.text}</p>{children}</>;
  const conf = confs([[of.key, of.suggested]]);
  return (
    <>
      <p class="found-setting">
        <code>{of.key}</code>
        <code class="found-now" title={of.current === null ? 'Not set: Spark’s default holds' : 'In force in this run'}>{of.current ?? 'not set'}</code>
        <span class="muted" aria-hidden="true">→</span>
        <span class="hidden-visually">to</span>
        <code class="found-then">{of.suggested}</code>
        <Copy text={conf} label={`Copy ${conf}`} said={`Copied ${conf}`} />
      </p>
      <p class="muted">{of.why}</p>
      {children}
    </>
  );
}
