// Runtime and build information: what says something of this server. The rest of the answer is there for Go programs.
import { get } from '../api';
import { formatClock } from '../format';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Loading, Note } from '../ui/parts';
import { Facts } from './simple';

interface Runtime {
  startTime: string;
  CWD: string;
  hostname?: string;
  serverTime?: string;
  reloadConfigSuccess: boolean;
  lastConfigTime: string;
  corruptionCount: number;
  storageRetention: string;
}
interface Build {
  version: string;
  revision: string;
}

const licenses = document.querySelector<HTMLLinkElement>('link[rel=license]')?.href;

const clock = (time: string | undefined): string => (time ? formatClock(Date.parse(time) / 1000, true) : '–');

export default function RuntimePage() {
  const { data, error } = useLoaded(
    async (signal) => ({
      runtime: (await get<Runtime>('status/runtimeinfo', signal)).data,
      build: (await get<Build>('status/buildinfo', signal)).data,
    }),
    [],
    10000,
  );
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  const { runtime, build } = data;
  return (
    <>
      <Facts
        title={t('runtimeInformation')}
        rows={[
          [t('hostName'), runtime.hostname ?? '–'],
          [t('started'), clock(runtime.startTime)],
          [t('serverTime'), clock(runtime.serverTime)],
          [t('workingDirectory'), runtime.CWD],
          [t('configurationLoaded'), clock(runtime.lastConfigTime)],
          [
            t('lastLoad'),
            <span class={runtime.reloadConfigSuccess ? 'good' : 'bad'}>
              {t(runtime.reloadConfigSuccess ? 'succeeded' : 'failed')}
            </span>,
          ],
          [t('corruptions'), String(runtime.corruptionCount)],
          [t('retention'), runtime.storageRetention],
        ]}
      />
      <Facts
        title={t('buildInformation')}
        rows={[
          [t('version'), build.version],
          [t('revision'), build.revision],
          [
            t('thirdParty'),
            <a href={licenses} target="_blank">
              {t('licenses')}
            </a>,
          ],
        ]}
      />
    </>
  );
}
