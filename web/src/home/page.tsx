// Home: this machine, live, without any set-up.
import { useRef, useState } from 'preact/hooks';
import type { Series } from '../api';
import { formatBytes, formatBytesRate, formatNumber, formatPercent, formatUptime } from '../format';
import { last, type Frame } from '../frame';
import { t, type TextKey } from '../text';
import type { ChartSeries } from '../ui/chart';
import { seriesColor } from '../ui/colors';
import { Icon } from '../ui/icons';
import { useLoaded } from '../ui/load';
import { Note } from '../ui/parts';
import { expressions, live, refreshMs, vector } from './data';
import { Empty } from './empty';
import { ChartPanel } from './panel';
import { SpacePanel } from './space';
import { ServerPanel, TargetsPanel } from './targets';

const matcher = (instance: string): string => `instance=${JSON.stringify(instance)}`;
const sum = (series: ChartSeries[]): number => series.reduce((total, one) => total + (last(one.values) ?? 0), 0);

// Series by the value of one label, in a fixed order, each with its own words and colour.
function byLabel(frame: Frame, label: string, wanted: readonly (readonly [string, TextKey, number])[]): ChartSeries[] {
  return wanted.flatMap(([value, text, color]) => {
    const row = frame.rows.find((one) => one.labels[label] === value);
    return row ? [{ name: t(text), color: seriesColor(color), values: row.values }] : [];
  });
}

const cpuModes = [
  ['user', 'mode_user', 2],
  ['system', 'mode_system', 1],
  ['nice', 'mode_nice', 0],
  ['iowait', 'mode_iowait', 4],
  ['irq', 'mode_irq', 5],
  ['softirq', 'mode_softirq', 3],
  ['steal', 'mode_steal', 8],
] as const;
const loads = [
  ['node_load1', 'load1', 3],
  ['node_load5', 'load5', 2],
  ['node_load15', 'load15', 0],
] as const;
const waits = [
  ['cpu', 'waitingCpu', 2],
  ['io', 'waitingIo', 3],
  ['memory', 'waitingMemory', 4],
] as const;

// How much load the machine can take: a line to compare with.
function cores(frame: Frame): ChartSeries[] {
  const row = frame.rows.find((one) => one.labels.what === 'cores');
  return row ? [{ name: t('cores'), color: '#8e949e', values: row.values, dashed: true }] : [];
}

function memory(frame: Frame): ChartSeries[] {
  const of = (name: string) => frame.rows.find((row) => row.labels.__name__ === `node_memory_${name}_bytes`)?.values;
  const total = of('MemTotal');
  const available = of('MemAvailable');
  const free = of('MemFree');
  if (!total || !available || !free) return [];
  const minus = (a: (number | null)[], b: (number | null)[]) =>
    a.map((value, i) => (value === null || b[i] == null ? null : value - b[i]));
  return [
    { name: t('free'), color: seriesColor(0), values: free },
    { name: t('cached'), color: seriesColor(1), values: minus(available, free) },
    { name: t('used'), color: seriesColor(2), values: minus(total, available) },
  ];
}

function Facts({
  instances,
  chosen,
  choose,
}: {
  instances: Series[];
  chosen: string;
  choose: (instance: string) => void;
}) {
  const expression = expressions.facts(matcher(chosen));
  const { data } = useLoaded((signal) => vector(expression, signal), [expression], refreshMs());
  const value = (name: string) => Number(data?.find((one) => one.metric.__name__ === name)?.value?.[1] ?? NaN);
  const metric = (name: string) => data?.find((one) => one.metric.__name__ === name)?.metric ?? {};
  const cores = data?.find((one) => one.metric.what === 'cores')?.value?.[1];
  const uptime = value('node_time_seconds') - value('node_boot_time_seconds');
  const facts: [string, string | undefined][] = [
    [t('system'), metric('node_os_info').pretty_name],
    [t('kernel'), metric('node_uname_info').release],
    [t('cpu'), cores ? `${cores} ${t('cores')}` : undefined],
    [t('uptime'), Number.isFinite(uptime) ? formatUptime(uptime) : undefined],
  ];
  return (
    <section class="panel full" aria-label={t('instance')}>
      <dl class="facts" style={{ margin: 0 }}>
        {instances.length > 1 ? (
          <select aria-label={t('instance')} value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
            {instances.map((one) => (
              <option key={one.metric.instance} value={one.metric.instance}>
                {one.metric.nodename} ({one.metric.instance})
              </option>
            ))}
          </select>
        ) : (
          <h2 style={{ fontSize: '16px' }}>{metric('node_uname_info').nodename ?? chosen}</h2>
        )}
        {facts
          .filter(([, text]) => text)
          .map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        <span class="spacer" />
        <button
          class="plain live"
          aria-pressed={live.value}
          onClick={() => {
            live.value = !live.value;
          }}
        >
          <Icon name={live.value ? 'pause' : 'play'} />
          {t(live.value ? 'live' : 'paused')}
        </button>
      </dl>
    </section>
  );
}

function Machine({ instance }: { instance: string }) {
  const i = matcher(instance);
  const ways = (incoming: TextKey, outgoing: TextKey) => (frame: Frame) =>
    byLabel(frame, 'what', [
      ['in', incoming, 0],
      ['out', outgoing, 2],
    ]);
  const first = (format: (value: number) => string) => (series: ChartSeries[]) =>
    format(last(series[0]?.values ?? []) ?? 0);
  return (
    <>
      <ChartPanel
        title={t('cpu')}
        expression={expressions.cpu(i)}
        stacked
        max={100}
        format={formatPercent}
        pick={(frame) =>
          byLabel(frame, 'mode', cpuModes).filter((one) => one.values.some((value) => (value ?? 0) > 0.5))
        }
        headline={(series) => formatPercent(sum(series))}
      />
      <ChartPanel
        title={t('memory')}
        expression={expressions.memory(i)}
        stacked
        binary
        format={formatBytes}
        pick={memory}
        headline={(series) => `${formatBytes(last(series[2]?.values ?? []) ?? 0)} / ${formatBytes(sum(series))}`}
      />
      <ChartPanel
        title={t('load')}
        expression={expressions.load(i)}
        format={(value) => formatNumber(value, 2)}
        pick={(frame) => [...byLabel(frame, '__name__', loads), ...cores(frame)]}
        headline={first((value) => formatNumber(value, 2))}
      />
      <ChartPanel
        title={t('network')}
        expression={expressions.network(i)}
        binary
        format={formatBytesRate}
        pick={ways('received', 'sent')}
        headline={(series) => formatBytesRate(sum(series))}
      />
      <ChartPanel
        title={t('diskIo')}
        expression={expressions.disk(i)}
        binary
        format={formatBytesRate}
        pick={ways('read', 'written')}
        headline={(series) => formatBytesRate(sum(series))}
      />
      <ChartPanel
        title={t('pressure')}
        expression={expressions.pressure(i)}
        format={formatPercent}
        pick={(frame) => byLabel(frame, 'what', waits)}
        headline={(series) => formatPercent(Math.max(...series.map((one) => last(one.values) ?? 0)))}
      />
      <SpacePanel instance={i} />
    </>
  );
}

// As index.html draws it before any script runs, so that nothing jumps.
function Skeleton() {
  return (
    <div class="grid" aria-busy="true">
      {[1, 2, 3, 4, 5, 6].map((one) => (
        <div key={one} class="panel skeleton" />
      ))}
    </div>
  );
}

export default function Home() {
  const found = useRef(false); // a machine that is being watched stays so; until then somebody may be waiting
  const { data, error, reload } = useLoaded(
    (signal) => vector('node_uname_info', signal),
    [found.current],
    found.current ? 30000 : 2000,
  );
  const [picked, pick] = useState('');
  if (!data)
    return error ? (
      <Note kind="bad">
        {error} <button onClick={reload}>{t('retry')}</button>
      </Note>
    ) : (
      <Skeleton />
    );
  found.current = data.length > 0;
  const chosen = data.find((one) => one.metric.instance === picked) ?? data[0];
  const instance = chosen?.metric.instance;
  return (
    <div class="grid">
      {instance === undefined ? (
        <Empty />
      ) : (
        <>
          <Facts instances={data} chosen={instance} choose={pick} />
          <Machine key={instance} instance={instance} />
        </>
      )}
      <TargetsPanel />
      <ServerPanel />
    </div>
  );
}
