// Runtime and build information.
import { get } from '../api';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Loading, Note } from '../ui/parts';
import { Facts } from './simple';

type Values = Record<string, string | number | boolean>;

const rows = (values: Values) => Object.entries(values).map(([name, value]) => [name, String(value)] as const);

export default function RuntimePage() {
  const { data, error } = useLoaded(
    async (signal) => [(await get<Values>('status/runtimeinfo', signal)).data, (await get<Values>('status/buildinfo', signal)).data] as const, [], 10000);
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  return (
    <>
      <Facts title={t('runtimeInformation')} rows={rows(data[0])} />
      <Facts title={t('buildInformation')} rows={rows(data[1])} />
    </>
  );
}
