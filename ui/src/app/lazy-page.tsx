import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from '../components/button';
import { Empty, Skeleton } from '../components/state';
import type { Found, Page, PageProps } from '../pages';

/** A page whose code is loaded when it is first shown. */

const loaded = new Map<Page, ComponentType<PageProps>>();

export function LazyPage({ found: { page, params } }: { found: Found }) {
  const [, redraw] = useState(0);
  const [failed, setFailed] = useState(false);
  const Content = loaded.get(page);
  useEffect(() => {
    if (loaded.has(page)) return;
    let gone = false;
    page.load().then(
      (code) => {
        loaded.set(page, code.default);
        if (!gone) redraw((n) => n + 1);
      },
      () => !gone && setFailed(true),
    );
    return () => {
      gone = true;
    };
  }, [page]);
  if (Content) return <Content params={params} />;
  if (failed) {
    return (
      <Empty title="This page could not be loaded">
        The server was not reached, or Afterglow was updated since this page was opened.{' '}
        <Button icon="refresh" onClick={() => location.reload()}>Reload</Button>
      </Empty>
    );
  }
  return <div class="page"><Skeleton /></div>;
}
