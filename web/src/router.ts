// Pages by the last part of the path; the rest of the state is in the query string, which each page owns.
import { signal } from '@preact/signals';
import { basePath } from './api';

export type Page = '' | 'query' | 'targets' | 'status' | 'tsdb-status' | 'flags' | 'config' | 'service-discovery';
const pages: readonly string[] = [
  '',
  'query',
  'targets',
  'status',
  'tsdb-status',
  'flags',
  'config',
  'service-discovery',
];

function pageNow(): Page | null {
  const name = location.pathname.slice(basePath.length);
  if (name === 'graph') return 'query'; // the old name of the same page
  return pages.includes(name) ? (name as Page) : null;
}

export const page = signal<Page | null>(pageNow());
export const search = signal(location.search);

function follow(): void {
  page.value = pageNow();
  search.value = location.search;
}

addEventListener('popstate', follow);

export const href = (name: Page, query = ''): string => basePath + name + query;

export function go(target: string): void {
  history.pushState(null, '', target);
  follow();
  scrollTo(0, 0);
}

// The page's own state has changed: a new entry in the history only when asked for.
export function replaceSearch(query: string, push = false): void {
  if (query === location.search) return;
  const target = location.pathname.replace(/\/graph$/, '/query') + query;
  if (push) history.pushState(null, '', target);
  else history.replaceState(null, '', target);
  search.value = location.search;
}

// Plain clicks on links of ours change the page without loading anything.
addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest?.('a[href]');
  if (!(link instanceof HTMLAnchorElement) || link.target || link.origin !== location.origin) return;
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (!link.pathname.startsWith(basePath) || !pages.includes(link.pathname.slice(basePath.length))) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
