import { useEffect } from 'preact/hooks';
import { parseAppPath, parseSparkPath } from '../core/address';
import { usePlace } from '../core/router';
import { fleetPages, findPage } from '../pages';
import { Toasts } from '../components/toast';
import { Application } from './application';
import { LazyPage } from './lazy-page';
import { NotFound } from './not-found';
import { Shell } from './shell';
import { FromSpark } from './from-spark';

/** From an address to what is shown. */
export function App() {
  const { path, query } = usePlace();
  return (
    <>
      <Shell>{content(path, query)}</Shell>
      <Toasts />
    </>
  );
}

function content(path: string, query: URLSearchParams) {
  const app = parseAppPath(path);
  if (app) return <Application place={app} />;
  const spark = parseSparkPath(path, query);
  if (spark) return <FromSpark place={spark} />;
  const found = findPage(fleetPages, path);
  if (!found) return <NotFound />;
  return <FleetPage found={found} />;
}

function FleetPage({ found }: { found: NonNullable<ReturnType<typeof findPage>> }) {
  useEffect(() => {
    document.documentElement.toggleAttribute('data-fill', found.page.fill ?? false);
  }, [found.page]);
  return <LazyPage found={found} />;
}
