// GraphView: a range query's result as lines or stacked, with a legend that hides and isolates series.
import { useMemo, useState } from 'preact/hooks';
import { seriesName, type Series } from '../api';
import { formatShort } from '../format';
import { last, toFrame } from '../frame';
import { t } from '../text';
import { Chart } from '../ui/chart';
import { seriesColor } from '../ui/colors';
import { Note } from '../ui/parts';
import type { Result } from './run';
import { SeriesLabel } from './table-view';
import type { PanelState } from './url';

const DRAWN_MAX = 500;
const LEGEND_MAX = 100;
const HEIGHT = 360;

interface GraphProps {
  result: Result;
  panel: PanelState;
  onZoom: (start: number, end: number) => void;
  onReset: () => void;
}

// What is hidden after a click: the name alone changes, or with Shift everything else does.
function toggled(
  hidden: ReadonlySet<string>,
  name: string,
  all: readonly string[],
  alone: boolean,
): ReadonlySet<string> {
  if (alone) {
    const isolated = !hidden.has(name) && hidden.size === all.length - 1;
    return new Set(isolated ? [] : all.filter((other) => other !== name));
  }
  const next = new Set(hidden);
  if (!next.delete(name)) next.add(name);
  return next;
}

export function GraphView({ result, panel, onZoom, onReset }: GraphProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [everything, setEverything] = useState(false);
  const total = result.data.result.length;
  const frame = useMemo(() => {
    const drawn = (result.data.result as Series[]).slice(0, everything ? total : DRAWN_MAX);
    return toFrame({ ...result.data, result: drawn }, result.start, result.end, result.step);
  }, [result, everything]);
  const all = frame.rows.map((row, i) => ({
    name: seriesName(row.labels),
    color: seriesColor(i),
    values: row.values,
    labels: row.labels,
  }));
  const names = all.map((one) => one.name);
  if (all.length === 0) return <p class="muted">{t('emptyResult')}</p>;
  const shown = all.filter((one) => !hidden.has(one.name));
  return (
    <>
      {total > frame.rows.length && (
        <Note kind="warn">
          {frame.rows.length} {t('shownOf')} {total} {t('series')}.{' '}
          <button onClick={() => setEverything(true)}>{t('showAll')}</button>
        </Note>
      )}
      <Chart
        times={frame.times}
        series={shown}
        height={HEIGHT}
        format={formatShort}
        stacked={panel.stacked}
        fill={panel.stacked ? 0.3 : 0}
        fit={!panel.stacked && panel.yMin === null}
        {...(panel.yMin === null ? {} : { min: panel.yMin })}
        window={[result.start, result.end]}
        onZoom={onZoom}
        onReset={onReset}
      />
      <div class="legend list" role="group" aria-label={t('series')} title={t('legendHint')}>
        {all.slice(0, everything ? all.length : LEGEND_MAX).map((one) => {
          const value = last(one.values);
          return (
            <button
              key={one.name}
              class={hidden.has(one.name) ? 'item off' : 'item'}
              aria-pressed={!hidden.has(one.name)}
              onClick={(event) => setHidden(toggled(hidden, one.name, names, event.shiftKey))}
            >
              <span class="swatch" style={{ background: one.color }} />
              <span class="name mono">
                <SeriesLabel metric={one.labels} />
              </span>
              <b>{value === null ? '–' : formatShort(value)}</b>
            </button>
          );
        })}
        {!everything && all.length > LEGEND_MAX && (
          <button class="plain" onClick={() => setEverything(true)}>
            + {all.length - LEGEND_MAX}
          </button>
        )}
      </div>
    </>
  );
}
