import type { ComponentChildren } from 'preact';
import { Help } from './help';
import type { HelpKey } from '../help';
import './section.css';

interface Props {
  title: ComponentChildren;
  help?: HelpKey;
  /** At the right of the title: links and buttons. */
  actions?: ComponentChildren;
  /** Without room around the content, for tables. */
  flush?: boolean;
  class?: string;
  children: ComponentChildren;
}

/** A part of a page with a title of its own. */
export function Section({ title, help, actions, flush, class: more, children }: Props) {
  return (
    <section class={`section${flush ? ' flush' : ''}${more ? ` ${more}` : ''}`}>
      <header class="section-head">
        <h2>{title}</h2>
        {help && <Help of={help} />}
        <div class="section-actions">{actions}</div>
      </header>
      <div class="section-body">{children}</div>
    </section>
  );
}

/** Names and values side by side. An entry without value is left out. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, help, children }: { name: string; help?: HelpKey; children: ComponentChildren }) {
  if (children === undefined || children === null || children === '') return null;
  return (
    <div>
      <dt>
        {name}
        {help && <Help of={help} />}
      </dt>
      <dd>{children}</dd>
    </div>
  );
}
