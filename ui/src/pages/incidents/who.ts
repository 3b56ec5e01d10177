import { usePref } from '../../core/prefs';

/** A name, and how it is set. */
export type Who = [string, (name: string) => void];

/** Who acts: Afterglow has no accounts, so people say it, once on each computer. */
export const useWho = (): Who => usePref('name', '');
