// ChartPanel: a titled chart of one query, with its legend and, on demand, the same as a table.
import { useState } from 'preact/hooks';
import { formatClock } from '../format';
import { last, type Frame } from '../frame';
import { formatPanels, emptyPanel } from '../query/url';
import { href } from '../router';
import { t } from '../text';
import { Chart, type ChartSeries } from '../ui/chart';
import { Icon } from '../ui/icons';
import { useLoaded } from '../ui/load';
import { Note } from '../ui/parts';
import { frame, refreshMs, windowOf } from './data';

export interface ChartPanelProps {
  title: string;
  expression: string;
  pick: (frame: Frame) => ChartSeries[]; // names, colours and order of the series
  headline?: (series: ChartSeries[]) => string;
  format: (value: number) => string;
  stacked?: boolean;
  max?: number;
  binary?: boolean; // the axis counts in powers of two
}

const HEIGHT = 160;

function DataTable({
  times,
  series,
  format,
}: {
  times: number[];
  series: ChartSeries[];
  format: (value: number) => string;
}) {
  const rows = times
    .map((time, i) => ({ time, i }))
    .reverse()
    .slice(0, 60);
  return (
    <div class="scroll" style={{ height: `${HEIGHT}px` }} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>{t('time')}</th>
            {series.map((one) => (
              <th key={one.name} class="number">
                {one.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, i }) => (
            <tr key={time}>
              <td>{formatClock(time, false)}</td>
              {series.map((one) => (
                <td key={one.name} class="number">
                  {typeof one.values[i] === 'number' ? format(one.values[i] as number) : '–'}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function ChartPanel({
  title,
  expression,
  pick,
  headline,
  format,
  stacked = false,
  max,
  binary = false,
}: ChartPanelProps) {
  const { data, error } = useLoaded((signal) => frame(expression, signal), [expression], refreshMs());
  const [asTable, setAsTable] = useState(false);
  const series = data ? pick(data) : [];
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>
          <a
            class="quiet"
            href={href(
              'query',
              formatPanels([{ ...emptyPanel(), expr: expression, tab: 'graph', range: 1800, stacked }]),
            )}
            title={t('openQuery')}
          >
            {title}
          </a>
        </h2>
        <button
          class="plain"
          aria-pressed={asTable}
          title={t(asTable ? 'showChart' : 'showData')}
          aria-label={`${title}: ${t(asTable ? 'showChart' : 'showData')}`}
          onClick={() => setAsTable(!asTable)}
        >
          <Icon name="table" />
        </button>
        <span class="value">{headline && series.length > 0 ? headline(series) : ''}</span>
      </header>
      {error && !data && <Note kind="bad">{error}</Note>}
      {data && series.length === 0 && (
        <p class="muted" style={{ height: `${HEIGHT}px` }}>
          {t('noData')}
        </p>
      )}
      {!data && !error && <div style={{ height: `${HEIGHT}px` }} />}
      {data &&
        series.length > 0 &&
        (asTable ? (
          <DataTable times={data.times} series={series} format={format} />
        ) : (
          <Chart
            times={data.times}
            series={series}
            height={HEIGHT}
            format={format}
            stacked={stacked}
            sync="home"
            binary={binary}
            window={windowOf(data)}
            {...(max === undefined ? {} : { max })}
          />
        ))}
      <div class="legend">
        {series.map((one) => {
          const value = last(one.values);
          return (
            <span class="item" key={one.name}>
              <span class="swatch" style={{ background: one.color }} />
              <span class="name">{one.name}</span>
              <b>{value === null ? '–' : format(value)}</b>
            </span>
          );
        })}
      </div>
    </section>
  );
}
