/** The one place that talks to the server. Pages name an endpoint; its type says what comes back. */

/** An address and the type of its answer. */
export interface Endpoint<T> {
  readonly url: string;
  /** Never set: carries the type. */
  readonly answer?: T;
}

export type Params = Record<string, string | number | boolean | readonly string[] | undefined>;

export function endpoint<T>(path: string, params: Params = {}): Endpoint<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (Array.isArray(value)) for (const one of value as readonly string[]) query.append(name, one);
    else if (value !== undefined && value !== '') query.append(name, String(value));
  }
  const text = query.toString();
  return { url: text === '' ? path : `${path}?${text}` };
}

/** What went wrong, and what the reader can do about it. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 if there was no answer. */
    readonly status: number,
    message: string,
    readonly advice: string,
    readonly url: string,
  ) {
    super(message);
  }
}

export async function fetchJson<T>({ url }: Endpoint<T>, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { Accept: 'application/json' }, ...(signal && { signal }) });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new ApiError(0, 'The server does not answer', 'Check that Afterglow runs and that you can reach it (VPN, proxy), then try again.', url);
  }
  if (!response.ok) throw await failure(response, url);
  try {
    return (await response.json()) as T;
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new ApiError(response.status, 'The answer is not JSON', 'Something between this page and Afterglow changed the answer: a proxy or a login page. Sign in again, then reload.', url);
  }
}

/** Asks for a change. What is answered but whether it worked is not looked at. */
export async function sendJson(method: 'POST' | 'DELETE', url: string, body?: unknown): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, { method, headers: { Accept: 'application/json', ...(body !== undefined && { 'Content-Type': 'application/json' }) }, ...(body !== undefined && { body: JSON.stringify(body) }) });
  } catch {
    throw new ApiError(0, 'The server does not answer', 'Nothing was changed, as far as is known. Check that Afterglow runs, then try again.', url);
  }
  if (!response.ok) throw await failure(response, url);
}

async function failure(response: Response, url: string): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  return new ApiError(response.status, said(text) ?? `HTTP status ${response.status}`, advice(response.status), url);
}

/** Our errors are JSON, Spark's plain text or a page that says nothing. */
function said(body: string): string | undefined {
  const text = body.trim();
  if (text === '' || text.startsWith('<')) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && 'error' in json) return String(json.error);
  } catch {
    // Plain text.
  }
  return text.slice(0, 2000);
}

function advice(status: number): string {
  if (status === 401 || status === 403) return 'You may not see this. Sign in again, or ask whoever runs Afterglow.';
  if (status === 404) return 'It may not be indexed yet, or it was removed by retention. Check the address, or look at the sources.';
  if (status === 409) return 'Several clusters have this id. Choose one of them.';
  if (status === 502 || status === 503 || status === 504) return 'Afterglow is starting or overloaded. The page tries again by itself.';
  if (status >= 500) return "Try again; if it stays, Afterglow's log has the reason in full.";
  return 'Check the address and the filters in it.';
}
