import { Button } from './button';
import type { IconName } from './icon';
import { toast } from './toast';

export async function copyText(text: string, said = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(said);
  } catch {
    // Without HTTPS browsers have no clipboard but this old way.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'hidden-visually';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    toast(done ? said : 'The browser did not allow copying');
  }
}

export function Copy({ text, label, said, icon = 'copy', children }: { text: string | (() => string); label: string; said?: string; icon?: IconName; children?: string }) {
  const copy = () => void copyText(typeof text === 'string' ? text : text(), said);
  return (
    <Button icon={icon} label={label} quiet={!children} onClick={copy}>
      {children}
    </Button>
  );
}
