// Targets by scrape pool. Search, pool and health stand in the URL, as Prometheus writes them.
import { get } from '../api';
import { formatAgo, formatDuration } from '../format';
import { replaceSearch, search } from '../router';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Health, LabelSet, Loading, Note } from '../ui/parts';

export interface ActiveTarget {
  discoveredLabels: Record<string, string>;
  labels: Record<string, string>;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: string;
  scrapeInterval: string;
  scrapeTimeout: string;
}

interface Filter {
  search: string;
  pool: string;
  health: string;
}

function readFilter(): Filter {
  const parameters = new URLSearchParams(search.value);
  return {
    search: parameters.get('search') ?? '',
    pool: parameters.get('pool') ?? '',
    health: parameters.get('health') ?? '',
  };
}

function writeFilter(filter: Filter): void {
  const parameters = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''));
  replaceSearch(parameters.size > 0 ? `?${parameters}` : '');
}

function passes(target: ActiveTarget, filter: Filter): boolean {
  const text = `${target.scrapeUrl} ${Object.entries(target.labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ')}`;
  return (
    (!filter.pool || target.scrapePool === filter.pool) &&
    (!filter.health || target.health === filter.health) &&
    text.toLowerCase().includes(filter.search.toLowerCase())
  );
}

function ago(time: string): string {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  return Number.isFinite(seconds) && seconds < 1e8 ? formatAgo(seconds) : '–';
}

function Row({ target }: { target: ActiveTarget }) {
  return (
    <tr>
      <td>
        <a href={target.globalUrl} target="_blank" rel="noreferrer">
          {target.scrapeUrl}
        </a>
        <details>
          <summary class="muted">{t('discovered')}</summary>
          <LabelSet labels={target.discoveredLabels} />
        </details>
      </td>
      <td>
        <Health state={target.health} />
      </td>
      <td>
        <LabelSet labels={target.labels} />
      </td>
      <td class="number">
        {ago(target.lastScrape)}
        <div class="muted">
          {formatDuration(target.lastScrapeDuration)} / {target.scrapeInterval}
        </div>
      </td>
      <td class="bad">{target.lastError}</td>
    </tr>
  );
}

export default function TargetsPage() {
  const { data, error } = useLoaded(
    (signal) => get<{ activeTargets: ActiveTarget[] }>('targets?state=active', signal),
    [],
    5000,
  );
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  const all = data.data.activeTargets;
  const filter = readFilter();
  const shown = all.filter((target) => passes(target, filter));
  const pools = [...new Set(all.map((target) => target.scrapePool))].sort();
  return (
    <>
      <p class="query bar-line" style={{ display: 'flex', gap: '6px', flexWrap: 'wrap', margin: '0 0 8px' }}>
        <input
          type="search"
          aria-label={t('filterTargets')}
          placeholder={t('filterTargets')}
          value={filter.search}
          size={36}
          onInput={(event) => writeFilter({ ...filter, search: event.currentTarget.value })}
        />
        <select
          aria-label={t('job')}
          value={filter.pool}
          onChange={(event) => writeFilter({ ...filter, pool: event.currentTarget.value })}
        >
          <option value="">{t('anyJob')}</option>
          {pools.map((pool) => (
            <option key={pool}>{pool}</option>
          ))}
        </select>
        <select
          aria-label={t('state')}
          value={filter.health}
          onChange={(event) => writeFilter({ ...filter, health: event.currentTarget.value })}
        >
          <option value="">{t('anyState')}</option>
          {(['up', 'down', 'unknown'] as const).map((state) => (
            <option key={state} value={state}>
              {t(state)}
            </option>
          ))}
        </select>
      </p>
      {shown.length === 0 && <Note>{t('noTargets')}</Note>}
      {pools.map((pool) => {
        const rows = shown.filter((target) => target.scrapePool === pool);
        const up = rows.filter((target) => target.health === 'up').length;
        return (
          rows.length > 0 && (
            <section class="panel" key={pool} aria-label={pool} style={{ marginBottom: '8px' }}>
              <header>
                <h2>{pool}</h2>
                <span class={up === rows.length ? 'good' : 'bad'}>
                  {up} / {rows.length} {t('targetsUp')}
                </span>
              </header>
              <div class="scroll">
                <table class="targets">
                  <thead>
                    <tr>
                      <th>{t('endpoint')}</th>
                      <th>{t('state')}</th>
                      <th>{t('labels')}</th>
                      <th class="number">{t('lastScrape')}</th>
                      <th>{t('lastError')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map((target) => (
                      <Row key={target.scrapeUrl} target={target} />
                    ))}
                  </tbody>
                </table>
              </div>
            </section>
          )
        );
      })}
    </>
  );
}
