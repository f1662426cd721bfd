// TableView: an instant query's result, one row a series.
import { seriesName, type Histogram, type Series } from '../api';
import { formatClock } from '../format';
import { t } from '../text';
import { Note } from '../ui/parts';
import type { Result } from './run';

const ROWS_MAX = 1000;

const histogramText = (histogram: Histogram): string =>
  `count ${histogram.count}, sum ${histogram.sum}, ${histogram.buckets?.length ?? 0} buckets`;

function valueText(series: Series): string {
  if (series.value) return series.value[1];
  if (series.histogram) return histogramText(series.histogram[1]);
  const samples = [
    ...(series.values ?? []),
    ...(series.histograms ?? []).map(([at, one]) => [at, histogramText(one)] as const),
  ];
  return samples.map(([at, value]) => `${value} @${at}`).join('\n');
}

export function SeriesLabel({ metric }: { metric: Record<string, string> }) {
  const labels = Object.entries(metric).filter(([name]) => name !== '__name__');
  return (
    <span class="series">
      <b>{metric.__name__}</b>
      {labels.length > 0 && (
        <>
          {'{'}
          {labels.map(([name, value], i) => (
            <span key={name}>
              {i > 0 && ', '}
              <span class="label-name">{name}</span>=<span class="label-value">{JSON.stringify(value)}</span>
            </span>
          ))}
          {'}'}
        </>
      )}
      {labels.length === 0 && !metric.__name__ && '{}'}
    </span>
  );
}

export function TableView({ result }: { result: Result }) {
  const { data } = result;
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    const [at, value] = data.result as [number, string];
    return (
      <table>
        <tbody>
          <tr>
            <td>{t(data.resultType)}</td>
            <td class="muted">{formatClock(at, true)}</td>
            <td class="number mono">{value}</td>
          </tr>
        </tbody>
      </table>
    );
  }
  const rows = data.result as Series[];
  if (rows.length === 0) return <p class="muted">{t('emptyResult')}</p>;
  return (
    <>
      {rows.length > ROWS_MAX && <Note kind="warn">{t('truncatedRows')}</Note>}
      <div class="scroll">
        <table>
          <thead class="visually-hidden">
            <tr>
              <th>{t('series')}</th>
              <th>{t('value')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS_MAX).map((row) => (
              <tr key={seriesName(row.metric)}>
                <td class="mono">
                  <SeriesLabel metric={row.metric} />
                </td>
                <td class="number mono values">{valueText(row)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
