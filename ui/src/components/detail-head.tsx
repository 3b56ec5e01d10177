import type { ComponentChildren } from 'preact';
import { Status } from './badge';
import { Copy } from './copy';
import './detail-head.css';

interface Props {
  title: ComponentChildren;
  status: string;
  /** Beside the title, in grey: what else tells it from others of its kind. */
  facts?: ComponentChildren;
  children?: ComponentChildren;
}

/** The head of a page about one thing: its name, how it stands, and what explains that. */
export function DetailHead({ title, status, facts, children }: Props) {
  return (
    <header class="detail-head">
      <div class="detail-title">
        <h2>{title}</h2>
        <Status of={status} />
        {facts}
        <span class="detail-actions"><Copy text={() => location.href} label="Copy a link to this view" said="Link to this view copied" icon="link" /></span>
      </div>
      {children}
    </header>
  );
}

/** Short facts in one line, with dots between them. */
export function FactLine({ children }: { children: ComponentChildren }) {
  return <span class="fact-line muted">{children}</span>;
}
