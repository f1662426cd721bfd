// Head statistics and what takes the most room in it.
import { get } from '../api';
import { formatBytes, formatClock, formatNumber } from '../format';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Loading, Note } from '../ui/parts';
import { Facts } from './simple';

interface Count {
  name: string;
  value: number;
}
interface Tsdb {
  headStats: { numSeries: number; numLabelPairs: number; chunkCount: number; minTime: number; maxTime: number };
  seriesCountByMetricName: Count[];
  labelValueCountByLabelName: Count[];
  memoryInBytesByLabelName: Count[];
  seriesCountByLabelValuePair: Count[];
}

function Top({
  title,
  rows,
  format = formatNumber,
}: {
  title: string;
  rows: Count[] | null;
  format?: (value: number) => string;
}) {
  return (
    <section class="panel half" aria-label={title}>
      <header>
        <h2>{title}</h2>
      </header>
      <table>
        <thead>
          <tr>
            <th>{t('name')}</th>
            <th class="number">{t('count')}</th>
          </tr>
        </thead>
        <tbody>
          {(rows ?? []).map((row) => (
            <tr key={row.name}>
              <td class="mono">{row.name}</td>
              <td class="number">{format(row.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const whole = (value: number): string => formatNumber(value, 0);

export default function TsdbPage() {
  const { data, error } = useLoaded((signal) => get<Tsdb>('status/tsdb', signal), [], 15000);
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  const { headStats: head, ...tops } = data.data;
  return (
    <>
      <Facts
        title={t('headStats')}
        rows={[
          [t('series'), whole(head.numSeries)],
          [t('labelPairs'), whole(head.numLabelPairs)],
          [t('chunks'), whole(head.chunkCount)],
          [t('oldestSample'), formatClock(head.minTime / 1000, true)],
          [t('newestSample'), formatClock(head.maxTime / 1000, true)],
        ]}
      />
      <div class="grid">
        <Top title={t('topNames')} rows={tops.seriesCountByMetricName} format={whole} />
        <Top title={t('topLabels')} rows={tops.labelValueCountByLabelName} format={whole} />
        <Top title={t('topPairs')} rows={tops.seriesCountByLabelValuePair} format={whole} />
        <Top title={t('topMemory')} rows={tops.memoryInBytesByLabelName} format={formatBytes} />
      </div>
    </>
  );
}
