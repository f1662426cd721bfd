// Empty: no machine has answered yet. Either its first scrape is on the way, or nobody is scraped at all.
import { get } from '../api';
import { t } from '../text';
import { useLoaded } from '../ui/load';

const example = `scrape_configs:
  - job_name: node
    static_configs:
      - targets: ['localhost:9100']`;

export function Empty() {
  const { data } = useLoaded(
    (signal) => get<{ activeTargets: { health: string }[] }>('targets?state=active', signal),
    [],
    2000,
  );
  const targets = data?.data.activeTargets ?? [];
  const waiting = targets.some((target) => target.health === 'unknown');
  if (!data) return null;
  return (
    <section class="panel full" aria-live="polite">
      <h2>{t(waiting ? 'waitingTitle' : 'emptyTitle')}</h2>
      <p class="muted">{t(waiting ? 'waitingHint' : 'emptyHint')}</p>
      {!waiting && <pre class="block">{example}</pre>}
    </section>
  );
}
