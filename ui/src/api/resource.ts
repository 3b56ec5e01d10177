import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, type Endpoint, fetchJson } from './client';

/** Pause between two looks at what still changes. */
export const LIVE_MS = 5000;

export interface Resource<T> {
  /** The newest answer; of the previous address until the new one has answered, if asked to keep it. */
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  /** When `data` arrived, epoch milliseconds. */
  updated: number | undefined;
  reload: () => void;
}

interface Options<T> {
  /** Ask again every five seconds; a function decides by the answer. */
  live?: boolean | ((data: T) => boolean);
  /** Show the previous answer while that of a new address is on its way. */
  keep?: boolean;
}

interface Held {
  data: unknown;
  at: number;
}

/** Recent answers: going back shows the page at once while it is asked for anew. */
const recent = new Map<string, Held>();
const RECENT = 40;

function remember(url: string, data: unknown): number {
  const at = Date.now();
  recent.delete(url);
  recent.set(url, { data, at });
  const oldest = recent.keys().next();
  if (recent.size > RECENT && !oldest.done) recent.delete(oldest.value);
  return at;
}

interface State<T> {
  url: string | undefined;
  data: T | undefined;
  error: ApiError | undefined;
  updated: number | undefined;
  loading: boolean;
}

/** The answer of an endpoint, followed while it changes. No endpoint: nothing is asked. */
export function useResource<T>(endpoint: Endpoint<T> | undefined, options: Options<T> = {}): Resource<T> {
  const url = endpoint?.url;
  const [state, setState] = useState<State<T>>(() => initial<T>(url));
  const [asked, ask] = useState(0);
  const wanted = useRef(options);
  wanted.current = options;

  useEffect(() => {
    if (url === undefined) {
      setState(initial<T>(undefined));
      return;
    }
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let waiting = false;

    setState((s) => (s.url === url ? { ...s, loading: true } : next(s, url, wanted.current.keep ?? false)));

    const load = async () => {
      waiting = false;
      let again = false;
      try {
        const data = await fetchJson<T>({ url }, abort.signal);
        const updated = remember(url, data);
        setState({ url, data, error: undefined, updated, loading: false });
        const { live } = wanted.current;
        again = typeof live === 'function' ? live(data) : (live ?? false);
      } catch (e) {
        if (abort.signal.aborted) return;
        const error = asApiError(e, url);
        setState((s) => ({ ...s, url, error, loading: false }));
        again = error.status === 0 || error.status >= 502;
      }
      if (again && !abort.signal.aborted) timer = setTimeout(due, LIVE_MS);
    };
    const due = () => {
      if (document.hidden) waiting = true;
      else void load();
    };
    const shown = () => {
      if (!document.hidden && waiting) void load();
    };
    document.addEventListener('visibilitychange', shown);
    void load();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
    };
    // What stops changing is asked for once more: its end is news, too.
  }, [url, asked, typeof options.live === 'boolean' && options.live]);

  const reload = useCallback(() => ask((n) => n + 1), []);
  const now = state.url === url ? state : next(state, url, options.keep ?? false);
  return { data: now.data, error: now.error, loading: now.loading, updated: now.updated, reload };
}

function initial<T>(url: string | undefined): State<T> {
  const held = url === undefined ? undefined : recent.get(url);
  return { url, data: held?.data as T | undefined, error: undefined, updated: held?.at, loading: url !== undefined };
}

function next<T>(before: State<T>, url: string | undefined, keep: boolean): State<T> {
  const fresh = initial<T>(url);
  return keep && fresh.data === undefined && url !== undefined ? { ...fresh, data: before.data, updated: before.updated } : fresh;
}

export function asApiError(e: unknown, url: string): ApiError {
  if (e instanceof ApiError) return e;
  return new ApiError(0, e instanceof Error ? e.message : String(e), 'Reload the page; if it stays, report it.', url);
}
