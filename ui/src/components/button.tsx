import type { ComponentChildren, ButtonHTMLAttributes } from 'preact';
import { Icon, type IconName } from './icon';
import './button.css';

type Props = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon' | 'label'> & {
  icon?: IconName;
  /** Needed where there is no text. */
  label?: string;
  quiet?: boolean;
  children?: ComponentChildren;
};

export function Button({ icon, label, quiet, children, class: more, ...rest }: Props) {
  const kind = `button${quiet ? ' quiet' : ''}${children ? '' : ' bare'}${more ? ` ${String(more)}` : ''}`;
  return (
    <button type="button" class={kind} aria-label={label} title={children ? undefined : label} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
