import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/client';
import type { Resource } from '../api/resource';
import { Button } from './button';
import { Icon } from './icon';
import './state.css';

/** What stands in place of data: nothing there, on its way, not to be had, or not complete. */

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
    </div>
  );
}

/** Grey lines of the shape of what will be there. */
export function Skeleton({ lines = 6, height }: { lines?: number; height?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {height === undefined
        ? Array.from({ length: lines }, (_, at) => <span key={at} style={{ width: `${88 - ((at * 37) % 50)}%` }} />)
        : <span style={{ height: `${height}px`, width: '100%' }} />}
    </div>
  );
}

interface FailedProps {
  error: ApiError;
  retry?: () => void;
  /** Stands in place of a whole page. */
  page?: boolean;
  children?: ComponentChildren;
}

export function Failed({ error, retry, page, children }: FailedProps) {
  const Title = page ? 'h1' : 'h2';
  return (
    <div class="state failed" role="alert">
      <Title>
        <Icon name="warning" /> {error.message}
      </Title>
      <p>{error.advice}</p>
      {children}
      <p class="state-foot">
        {retry && <Button onClick={retry} icon="refresh">Try again</Button>}
        <code class="muted">{error.status > 0 ? `${error.status} ` : ''}{error.url}</code>
      </p>
    </div>
  );
}

/** Something is known but not all of it. */
export function Note({ tone = 'warn', title, children }: { tone?: 'warn' | 'fail' | 'info'; title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class={`note ${tone}`} role="note">
      <Icon name={tone === 'info' ? 'info' : 'warning'} />
      <div>
        <strong>{title}</strong>
        {children && <div>{children}</div>}
      </div>
    </div>
  );
}

interface LoadedProps<T> {
  of: Resource<T>;
  children: (data: T) => ComponentChildren;
  /** Shown while the first answer is on its way. */
  skeleton?: ComponentChildren;
}

/** Shows a resource in whichever state it is. An error beside older data is a note above that data. */
export function Loaded<T>({ of, children, skeleton }: LoadedProps<T>) {
  const { data, error, reload } = of;
  if (data === undefined) return error ? <Failed error={error} retry={reload} /> : <>{skeleton ?? <Skeleton />}</>;
  return (
    <>
      {error && (
        <Note title={`Not up to date: ${error.message}`}>{error.advice}</Note>
      )}
      {children(data)}
    </>
  );
}
