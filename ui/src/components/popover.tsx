import type { ComponentChildren } from 'preact';
import { useCallback, useId, useRef, useState } from 'preact/hooks';
import { Button } from './button';
import type { IconName } from './icon';
import './popover.css';

interface Props {
  label: string;
  icon?: IconName;
  text?: string;
  quiet?: boolean;
  class?: string;
  children: ComponentChildren | (() => ComponentChildren);
}

/** A button and what it opens beside itself. Closes on Escape and on a click elsewhere. */
export function Popover({ label, icon, text, quiet, class: more, children }: Props) {
  const id = useId();
  const button = useRef<HTMLElement>(null);
  const [open, setOpen] = useState(false);

  const toggled = useCallback((event: Pick<ToggleEvent, 'newState' | 'currentTarget'>) => {
    const panel = event.currentTarget as HTMLElement;
    const opened = event.newState === 'open';
    setOpen(opened);
    if (opened) requestAnimationFrame(() => button.current && place(panel, button.current));
  }, []);

  return (
    <span class="popover-anchor" ref={button}>
      <Button icon={icon} label={text && !label.includes(text) ? `${text}: ${label}` : label} quiet={quiet} class={more} popovertarget={id} aria-expanded={open}>
        {text}
      </Button>
      <div id={id} popover="auto" class="popover" role="dialog" aria-label={label} onToggle={toggled}>
        {open && (typeof children === 'function' ? children() : children)}
      </div>
    </span>
  );
}

const GAP = 6;

function place(panel: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const below = at.bottom + GAP;
  const top = below + height > innerHeight - 8 ? Math.max(8, at.top - height - GAP) : below;
  panel.style.left = `${left}px`;
  panel.style.top = `${top}px`;
}
