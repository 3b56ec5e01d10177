import { HELP, type HelpKey } from '../help';
import { Popover } from './popover';
import './help.css';

/** The `?` beside a metric: what it means, in two sentences. */
export function Help({ of }: { of: HelpKey }) {
  const { title, text } = HELP[of];
  return (
    <Popover label={`What is ${title}?`} quiet class="help" text="?">
      <strong>{title}</strong>
      <p class="help-text">{text}</p>
    </Popover>
  );
}
