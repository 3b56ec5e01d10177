import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Finding } from '../api/findings';
import type { Overview } from '../api/ours';
import type { Resource } from '../api/resource';
import type { AppRef } from '../core/address';

/** The application that is shown, for its pages. */
export interface AppState {
  app: AppRef;
  /** Fetched once by the frame, and followed while the attempt runs. */
  overview: Resource<Overview>;
  /** What rules found, the severest first; fetched once for all pages, and followed while the attempt runs. */
  findings: Resource<Finding[]>;
  /** Whether the attempt still runs: pages then look again every few seconds. */
  live: boolean;
}

export const AppContext = createContext<AppState | undefined>(undefined);

export function useApp(): AppState {
  const state = useContext(AppContext);
  if (!state) throw new Error('useApp is for pages of an application');
  return state;
}
