// What discovery found: labels before and after relabelling, and what was dropped.
import { get } from '../api';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { LabelSet, Loading, Note } from '../ui/parts';
import type { ActiveTarget } from './targets-page';

interface Dropped {
  discoveredLabels: Record<string, string>;
}

export default function DiscoveryPage() {
  const { data, error } = useLoaded(
    (signal) => get<{ activeTargets: ActiveTarget[]; droppedTargets: Dropped[] }>('targets', signal),
    [],
    15000,
  );
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  const { activeTargets, droppedTargets } = data.data;
  const jobs = [
    ...new Set([
      ...activeTargets.map((one) => one.scrapePool),
      ...droppedTargets.map((one) => one.discoveredLabels.job ?? ''),
    ]),
  ].sort();
  return (
    <>
      {jobs.map((job) => {
        const active = activeTargets.filter((one) => one.scrapePool === job);
        const dropped = droppedTargets.filter((one) => one.discoveredLabels.job === job);
        return (
          <section class="panel" key={job} aria-label={job} style={{ marginBottom: '8px' }}>
            <header>
              <h2>{job}</h2>
              <span class="muted">
                {t('active')} {active.length}, {t('dropped')} {dropped.length}
              </span>
            </header>
            <div class="scroll">
              <table class="discovered">
                <thead>
                  <tr>
                    <th>{t('discovered')}</th>
                    <th>{t('labels')}</th>
                  </tr>
                </thead>
                <tbody>
                  {active.map((one) => (
                    <tr key={one.scrapeUrl}>
                      <td>
                        <LabelSet labels={one.discoveredLabels} />
                      </td>
                      <td>
                        <LabelSet labels={one.labels} />
                      </td>
                    </tr>
                  ))}
                  {dropped.map((one, i) => (
                    <tr key={i}>
                      <td>
                        <LabelSet labels={one.discoveredLabels} />
                      </td>
                      <td class="muted">{t('isDropped')}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </section>
        );
      })}
    </>
  );
}
