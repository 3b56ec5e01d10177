import { usePref } from '../../core/prefs';

/** Who acts: Afterglow has no accounts, so people say it, once on each computer. */
export const useWho = (): [string, (name: string) => void] => usePref('name', '');
