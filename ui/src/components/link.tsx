import type { ComponentChildren } from 'preact';
import { isPage } from '../pages';

interface Props {
  to: string;
  title?: string;
  class?: string;
  children: ComponentChildren;
}

/** A link to a page of ours; plain text where there is no such page, so that no link is dead. */
export function Link({ to, title, class: kind, children }: Props) {
  if (!isPage(new URL(to, location.href).pathname)) {
    return (
      <span class={kind} title={title}>
        {children}
      </span>
    );
  }
  return (
    <a href={to} class={kind} title={title}>
      {children}
    </a>
  );
}
