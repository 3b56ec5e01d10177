import { useCallback, useState } from 'preact/hooks';

/** What a user chose on this computer: theme, columns, widths. Never data. */

const PREFIX = 'afterglow.';

export function readPref<T>(key: string): T | undefined {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

export function writePref<T>(key: string, value: T | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Storage is full or refused: the choice lasts as long as the page.
  }
}

export function usePref<T>(key: string, initial: T): [T, (value: T) => void] {
  const [value, set] = useState<T>(() => readPref<T>(key) ?? initial);
  const store = useCallback(
    (next: T) => {
      set(next);
      writePref(key, next);
    },
    [key],
  );
  return [value, store];
}
