import type { AppRef } from '../../core/address';

/** The application that settings are compared with, as the address has it: cluster/application[/attempt]. */

export function writeOther({ cluster, id, attempt }: AppRef): string {
  return [cluster, id, ...(attempt === undefined ? [] : [attempt])].map(encodeURIComponent).join('/');
}

export function readOther(text: string): AppRef | undefined {
  const [cluster, id, attempt] = text.split('/').map(decodeURIComponent);
  return cluster && id ? { cluster, id, attempt } : undefined;
}
