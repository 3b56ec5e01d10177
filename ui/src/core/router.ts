import { useEffect, useMemo, useState } from 'preact/hooks';

/** The address bar as state. Views keep what they show (filters, sort, selection) in the query string. */

export interface Place {
  path: string;
  query: URLSearchParams;
  hash: string;
}

type Listener = () => void;
const listeners = new Set<Listener>();

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash };
}

let place: Place | undefined;

export function current(): Place {
  return (place ??= here());
}

function moved(): void {
  place = here();
  for (const listener of [...listeners]) listener();
}

export function navigate(url: string, options: { replace?: boolean } = {}): void {
  const target = new URL(url, location.href);
  if (target.href === location.href) return;
  const newPath = target.pathname !== location.pathname;
  if (options.replace) history.replaceState(history.state, '', target);
  else history.pushState(null, '', target);
  moved();
  if (newPath && !options.replace) window.scrollTo(0, 0);
}

/** Changes parameters of the query string; undefined and '' remove one. Replaces the history entry unless told to push. */
export function setQuery(patch: Record<string, string | string[] | undefined>, options: { push?: boolean } = {}): void {
  const { path, query, hash } = current();
  navigate(withQuery(path, query, patch) + hash, { replace: !options.push });
}

/** `path` with `query` after `patch`. Parameters keep their order, so equal views have equal addresses. */
export function withQuery(
  path: string,
  query: URLSearchParams,
  patch: Record<string, string | string[] | undefined>,
): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(patch)) {
    next.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== '') next.append(name, one);
  }
  const text = next.toString();
  return text === '' ? path : `${path}?${text}`;
}

export function usePlace(): Place {
  const [, set] = useState(0);
  useEffect(() => {
    const listener = () => set((n) => n + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return current();
}

/** One parameter of the query string as state. */
export function useParam(name: string, initial = ''): [string, (value: string | undefined) => void] {
  const { query } = usePlace();
  const value = query.get(name) ?? initial;
  const set = useMemo(() => (next: string | undefined) => setQuery({ [name]: next === initial ? undefined : next }), [name, initial]);
  return [value, set];
}

/** A parameter that may be repeated. */
export function useParams(name: string): [string[], (values: string[]) => void] {
  const { query } = usePlace();
  const values = query.getAll(name);
  const set = useMemo(() => (next: string[]) => setQuery({ [name]: next }), [name]);
  return [values, set];
}

/** Follows links inside the product without loading the page anew; `ours` says which paths are pages. */
export function startRouter(ours: (path: string) => boolean): void {
  addEventListener('popstate', moved);
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (!ours(link.pathname)) return;
    event.preventDefault();
    navigate(link.href);
  });
}

/** The parameters of `path` under a pattern like `stages/:stage/:attempt`; undefined if it does not fit. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = segments(pattern);
  const given = segments(path);
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = decoded(value);
    else if (part !== value) return undefined;
  }
  return params;
}

export function segments(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
