import type { ComponentChildren } from 'preact';
import { LongText } from '../../components/long-text';
import { Note } from '../../components/state';
import { essence } from './errors';

/** Why something failed: what says most in large, the whole text below. */
export function Failure({ title, text, tone = 'fail', lines = 3, children }: { title: ComponentChildren; text: string; tone?: 'fail' | 'warn'; lines?: number; children?: ComponentChildren }) {
  const most = essence(text);
  const whole = text.trim();
  return (
    <Note tone={tone} title={title}>
      <p class="failure-essence">{most}</p>
      {whole !== most && <LongText text={whole} lines={lines} label="the error in full" />}
      {children}
    </Note>
  );
}
