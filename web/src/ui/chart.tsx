// Chart: time series on a canvas (uPlot) with our axes, tooltip, stacking and zoom. One instance lives as long as the shape of
// its data; new values go in with setData.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatClock } from '../format';
import { language } from '../text';
import { cssColor, faded } from './colors';
import { paint } from './theme';

export interface ChartSeries {
  name: string;
  color: string;
  values: (number | null)[];
  dashed?: boolean;
}

export interface ChartProps {
  times: number[]; // Unix seconds, ascending
  series: ChartSeries[];
  height: number;
  format: (value: number) => string;
  stacked?: boolean;
  fill?: number; // opacity below the lines
  min?: number; // of the value axis
  fit?: boolean; // the value axis need not begin at zero
  max?: number;
  binary?: boolean; // the value axis counts in powers of two
  window?: [number, number]; // what the time axis spans, whatever there is data for
  sync?: string; // charts with the same key share their cursor
  onZoom?: (start: number, end: number) => void;
  onReset?: () => void;
}

// Sums from the last series up, so that the first lies on top as the legend reads.
function stack(series: ChartSeries[], length: number): (number | null)[][] {
  const sums = new Array<number>(length).fill(0);
  const rows: (number | null)[][] = [];
  for (const one of [...series].reverse()) {
    rows.unshift(
      one.values.map((value, i) => {
        if (value === null) return null;
        sums[i] = (sums[i] ?? 0) + value;
        return sums[i] ?? null;
      }),
    );
  }
  return rows;
}

function dataOf({ times, series, stacked }: ChartProps): uPlot.AlignedData {
  const rows = stacked ? stack(series, times.length) : series.map((one) => one.values);
  return [times, ...rows] as uPlot.AlignedData;
}

const pad = (number: number): string => String(number).padStart(2, '0');

function tickText(seconds: number, step: number): string {
  const at = new Date(seconds * 1000);
  if (step >= 86400 && step < Infinity) return `${pad(at.getDate())}/${pad(at.getMonth() + 1)}`;
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  if (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0)
    return `${pad(at.getDate())}/${pad(at.getMonth() + 1)}`;
  return step < 60 ? `${clock}:${pad(at.getSeconds())}` : clock;
}

function tooltip(latest: () => ChartProps): uPlot.Plugin {
  const box = document.createElement('div');
  box.className = 'tip';
  box.hidden = true;
  return {
    hooks: {
      init: (plot) => {
        plot.over.append(box);
        plot.over.addEventListener('mouseleave', () => {
          box.hidden = true;
        });
      },
      setCursor: (plot) => {
        const { times, series, format } = latest();
        const { idx, left, top } = plot.cursor;
        const at = typeof idx === 'number' ? times[idx] : undefined;
        if (at === undefined || left === undefined || left < 0 || !plot.over.matches(':hover')) {
          box.hidden = true;
          return;
        }
        const rows = series
          .map((one, i) => ({ one, shown: plot.series[i + 1]?.show, value: one.values[idx as number] }))
          .filter((row) => row.shown !== false && typeof row.value === 'number')
          .sort((a, b) => (b.value as number) - (a.value as number))
          .slice(0, 12);
        box.replaceChildren(Object.assign(document.createElement('time'), { textContent: formatClock(at, true) }));
        for (const { one, value } of rows) {
          const line = document.createElement('div');
          const mark = document.createElement('span');
          mark.className = 'swatch';
          mark.style.cssText = `display:inline-block;vertical-align:middle;margin-right:6px;background:${one.color}`;
          line.append(mark, `${one.name}: ${format(value as number)}`);
          box.append(line);
        }
        box.hidden = rows.length === 0;
        const right = left > plot.over.clientWidth / 2;
        box.style.left = right ? '' : `${left + 14}px`;
        box.style.right = right ? `${plot.over.clientWidth - left + 14}px` : '';
        box.style.top = `${Math.max(0, Math.min(top ?? 0, plot.over.clientHeight - box.offsetHeight))}px`;
      },
    },
  };
}

const POWERS_OF_TWO = Array.from({ length: 60 }, (_, i) => 2 ** i);

// A little air above; below only where the axis does not stand on zero.
function valueRange({ min, max, fit = false }: ChartProps, low: number | null, high: number | null): [number, number] {
  const lowest = low ?? 0;
  const highest = high ?? lowest + 1;
  const air = highest > lowest ? (highest - Math.min(lowest, fit ? lowest : 0)) * 0.06 : Math.abs(highest) * 0.1 || 1;
  const bottom = min ?? (fit ? lowest - air : Math.min(0, lowest));
  return [bottom, max ?? Math.max(highest + air, bottom + 1e-12)];
}

// A value without neighbours makes no line, so it gets a point.
function lonely(plot: uPlot, index: number): number[] {
  const values = plot.data[index] as (number | null)[];
  const found: number[] = [];
  values.forEach((value, i) => {
    if (typeof value === 'number' && typeof values[i - 1] !== 'number' && typeof values[i + 1] !== 'number')
      found.push(i);
  });
  return found;
}

function options(props: ChartProps, width: number, latest: () => ChartProps): uPlot.Options {
  const { series, height, stacked, fill = stacked ? 0.35 : 0.08, window, sync } = props;
  const muted = cssColor('--muted');
  const grid = { stroke: cssColor('--grid'), width: 1 };
  const font = '11px system-ui, sans-serif';
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: {
      y: false,
      points: { size: 5 },
      drag: { x: Boolean(props.onZoom), y: false, setScale: false },
      ...(sync ? { sync: { key: sync } } : {}),
      bind: {
        dblclick: () => () => {
          latest().onReset?.();
          return null;
        },
      },
    },
    scales: {
      x: { time: true, ...(window ? { range: () => latest().window ?? window } : {}) },
      y: {
        range: (_plot, low, high) => {
          return valueRange(props, low, high);
        },
      },
    },
    axes: [
      {
        stroke: muted,
        grid,
        ticks: { show: false },
        font,
        size: 24,
        gap: 4,
        space: 56,
        values: (_plot, splits) => splits.map((at) => tickText(at, (splits[1] ?? Infinity) - (splits[0] ?? 0))),
      },
      {
        stroke: muted,
        grid,
        ticks: { show: false },
        font,
        gap: 4,
        space: 28,
        ...(props.binary ? { incrs: POWERS_OF_TWO } : {}),
        size: (_plot, texts) => 14 + 6.2 * Math.max(3, ...(texts ?? []).map((text) => text.length)),
        values: (_plot, splits) => splits.map((value) => latest().format(value)),
      },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.name,
        stroke: one.color,
        width: 1.25,
        ...(one.dashed ? { dash: [6, 4] } : {}),
        fill: fill > 0 && !one.dashed ? faded(one.color, fill) : '',
        spanGaps: false,
        points: { show: true, size: 4, fill: one.color, filter: lonely },
      })),
    ],
    ...(stacked ? { bands: series.slice(1).map((_, i) => ({ series: [i + 1, i + 2] as [number, number] })) } : {}),
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: selected } = plot.select;
          if (selected > 4) latest().onZoom?.(plot.posToVal(left, 'x'), plot.posToVal(left + selected, 'x'));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
    plugins: [tooltip(latest)],
  };
}

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const current = useRef(props);
  current.current = props;
  // What uPlot cannot change in place.
  const shape = JSON.stringify([
    props.series.map((one) => [one.name, one.color]),
    props.stacked,
    props.fill,
    props.min,
    props.max,
    props.fit,
    props.binary,
    props.height,
    Boolean(props.window),
    props.sync,
    paint.value,
    language.value,
  ]);

  useEffect(() => {
    const host = box.current;
    if (!host) return undefined;
    const made = new uPlot(
      options(current.current, Math.max(host.clientWidth, 40), () => current.current),
      dataOf(current.current),
      host,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (host.clientWidth > 0 && host.clientWidth !== made.width)
        made.setSize({ width: host.clientWidth, height: current.current.height });
    });
    watch.observe(host);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(dataOf(props));
  }, [props.times, props.series, props.stacked]);

  return <div class="chart" ref={box} style={{ height: `${props.height}px` }} />;
}
