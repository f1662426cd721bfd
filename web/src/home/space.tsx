// SpacePanel: how full each filesystem is.
import type { Series } from '../api';
import { formatBytes, formatPercent } from '../format';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { expressions, refreshMs, vector } from './data';

interface Space {
  mount: string;
  device: string;
  size: number;
  available: number;
}

// One row a mounted filesystem and one for swap; a device that is mounted several times is shown where it came first.
function spaces(series: Series[]): Space[] {
  const found = new Map<string, Space>();
  const swap: Space = { mount: t('swap'), device: 'swap', size: 0, available: 0 };
  for (const one of series) {
    const { mountpoint = '', device = '', __name__: name } = one.metric;
    const space = found.get(mountpoint) ?? { mount: mountpoint, device, size: 0, available: 0 };
    const value = Number(one.value?.[1] ?? 0);
    if (name === 'node_memory_SwapTotal_bytes') swap.size = value;
    else if (name === 'node_memory_SwapFree_bytes') swap.available = value;
    else {
      if (name === 'node_filesystem_size_bytes') space.size = value;
      else space.available = value;
      found.set(mountpoint, space);
    }
  }
  const devices = new Set<string>();
  return [...[...found.values()].sort((a, b) => a.mount.localeCompare(b.mount)), swap]
    .filter((space) => space.size > 0)
    .filter((space) => !devices.has(space.device) && devices.add(space.device));
}

export function SpacePanel({ instance }: { instance: string }) {
  const expression = expressions.space(instance);
  const { data } = useLoaded((signal) => vector(expression, signal), [expression], refreshMs());
  return (
    <section class="panel" aria-label={t('disks')}>
      <header>
        <h2>{t('disks')}</h2>
      </header>
      <div class="rows">
        {data &&
          spaces(data).map((space) => {
            const used = 100 * (1 - space.available / space.size);
            const tone = used > 90 ? 'bad' : used > 80 ? 'warn' : '';
            return (
              <div key={space.mount}>
                <div class="line">
                  <span class="mono" title={space.device}>
                    {space.mount}
                  </span>
                  <span class="spacer" />
                  <span class="muted">
                    {formatBytes(space.size - space.available)} / {formatBytes(space.size)}
                  </span>
                  <b>{formatPercent(used)}</b>
                </div>
                <div
                  class="bar"
                  role="meter"
                  aria-label={space.mount}
                  aria-valuenow={Math.round(used)}
                  aria-valuemin={0}
                  aria-valuemax={100}
                >
                  <i class={tone} style={{ width: `${used}%` }} />
                </div>
              </div>
            );
          })}
        {data && spaces(data).length === 0 && <p class="muted">{t('noData')}</p>}
      </div>
    </section>
  );
}
