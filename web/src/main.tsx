// Main: the shell, and in it the page that the path names. Pages other than Home come when they are first opened.
import { render, type ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { page, type Page } from './router';
import { Shell } from './shell';
import { t } from './text';
import { Loading, Note } from './ui/parts';

type Module = { default: ComponentType };

const modules: Record<Page, () => Promise<Module>> = {
  '': () => import('./home/page'),
  query: () => import('./query/page'),
  targets: () => import('./status/targets-page'),
  status: () => import('./status/runtime-page'),
  'tsdb-status': () => import('./status/tsdb-page'),
  flags: () => import('./status/flags-page'),
  config: () => import('./status/config-page'),
  'service-discovery': () => import('./status/discovery-page'),
};

function CurrentPage() {
  const [loaded, setLoaded] = useState<{ page: Page; Component: ComponentType } | { error: string } | null>(null);
  const wanted = page.value;
  useEffect(() => {
    if (wanted === null) return;
    modules[wanted]().then(
      (module) => setLoaded({ page: wanted, Component: module.default }),
      (error: unknown) => setLoaded({ error: String(error) }),
    );
  }, [wanted]);
  if (wanted === null) return <Note kind="warn">{t('notFound')}</Note>;
  if (loaded && 'error' in loaded) return <Note kind="bad">{loaded.error}</Note>;
  return loaded && loaded.page === wanted ? <loaded.Component /> : <Loading />;
}

const host = document.getElementById('app') as HTMLElement;
host.replaceChildren(); // the skeleton has done its work
render(
  <Shell>
    <CurrentPage />
  </Shell>,
  host,
);
