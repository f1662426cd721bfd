// TargetsPanel: which targets answer, the broken ones first.
import { get } from '../api';
import { formatShort, formatBytes, formatDuration } from '../format';
import { href } from '../router';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Health } from '../ui/parts';
import { expressions, refreshMs, vector } from './data';

interface Target {
  labels: Record<string, string>;
  scrapeUrl: string;
  health: string;
  lastError: string;
  lastScrapeDuration: number;
}

export function TargetsPanel() {
  const { data } = useLoaded(
    (signal) => get<{ activeTargets: Target[] }>('targets?state=active', signal),
    [],
    refreshMs(),
  );
  const targets = [...(data?.data.activeTargets ?? [])].sort(
    (a, b) => a.health.localeCompare(b.health) || a.scrapeUrl.localeCompare(b.scrapeUrl),
  );
  const up = targets.filter((target) => target.health === 'up').length;
  return (
    <section class="panel" aria-label={t('targets')}>
      <header>
        <h2>
          <a href={href('targets')}>{t('targets')}</a>
        </h2>
        <span class="value">{data ? `${up} / ${targets.length}` : ''}</span>
      </header>
      <div class="rows">
        {targets.slice(0, 8).map((target) => (
          <div class="line" key={target.scrapeUrl}>
            <span title={target.scrapeUrl}>
              {target.labels.job} <span class="muted">{target.labels.instance}</span>
            </span>
            <span class="spacer" />
            <span class="muted">{formatDuration(target.lastScrapeDuration)}</span>
            <Health state={target.health} />
          </div>
        ))}
        {targets.length > 8 && <a href={href('targets')}>+ {targets.length - 8}</a>}
      </div>
    </section>
  );
}

export function ServerPanel() {
  const { data } = useLoaded((signal) => vector(expressions.server(), signal), [], refreshMs());
  const value = (what: string) => Number(data?.find((one) => one.metric.what === what)?.value?.[1] ?? NaN);
  const facts: [string, string, number][] = [
    [t('series'), formatShort(value('series')), value('series')],
    [t('samplesPerSecond'), formatShort(value('samples')), value('samples')],
    [t('residentMemory'), formatBytes(value('memory')), value('memory')],
    [t('storedOnDisk'), formatBytes(value('disk')), value('disk') || NaN], // without blocks there is nothing to tell
  ];
  return (
    <section class="panel" aria-label={t('vigie')}>
      <header>
        <h2>
          <a href={href('status')}>{t('vigie')}</a>
        </h2>
      </header>
      <div class="rows">
        {data &&
          facts
            .filter(([, , known]) => !Number.isNaN(known))
            .map(([name, text]) => (
              <div class="line" key={name}>
                <span class="muted">{name}</span>
                <span class="spacer" />
                <b>{text}</b>
              </div>
            ))}
      </div>
    </section>
  );
}
