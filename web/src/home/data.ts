// What Home asks for: one machine's metrics over the last half hour, a range query a panel.
import { signal } from '@preact/signals';
import { queryInstant, queryRange, type Series } from '../api';
import { toFrame, type Frame } from '../frame';

export const WINDOW_SECONDS = 1800;
export const STEP_SECONDS = 5;
export const REFRESH_MS = 5000;

// Whether Home follows the clock, and how often it then asks (0: not again).
export const live = signal(true);
export const refreshMs = (): number => (live.value ? REFRESH_MS : 0);

// A young store fills a short window rather than the edge of a long one. Whole minutes, so that all charts agree.
const WINDOWS_SECONDS = [300, 600, 900];

export function windowOf({ times, rows }: Frame): [number, number] {
  const end = times[times.length - 1] ?? 0;
  const first = Math.min(
    ...rows.map((row) => row.values.findIndex((value) => value !== null)).filter((index) => index >= 0),
    times.length - 1,
  );
  const age = end - (times[first] ?? end);
  return [end - (WINDOWS_SECONDS.find((seconds) => age <= seconds) ?? WINDOW_SECONDS), end];
}

export async function frame(expression: string, signal: AbortSignal): Promise<Frame> {
  const end = Math.floor(Date.now() / 1000 / STEP_SECONDS) * STEP_SECONDS;
  const start = end - WINDOW_SECONDS;
  const answer = await queryRange(expression, start, end, STEP_SECONDS, signal);
  return toFrame(answer.data, start, end, STEP_SECONDS);
}

export async function vector(expression: string, signal: AbortSignal): Promise<Series[]> {
  return (await queryInstant(expression, undefined, signal)).data.result as Series[];
}

const named = (what: string, expression: string): string => `label_replace(${expression}, "what", "${what}", "", "")`;

// PromQL for one machine. `i` is the matcher of its instance; windows are wide enough for a scrape every 15 s.
const real = 'fstype!~"tmpfs|ramfs|devtmpfs|squashfs|fuse.*"';
export const expressions = {
  cpu: (i: string) =>
    `sum by (mode) (rate(node_cpu_seconds_total{${i},mode!="idle"}[1m])) / scalar(count(count by (cpu) (node_cpu_seconds_total{${i}}))) * 100`,
  load: (i: string) =>
    `{__name__=~"node_load(1|5|15)",${i}} or ${named('cores', `count(count by (cpu) (node_cpu_seconds_total{${i}}))`)}`,
  memory: (i: string) => `{__name__=~"node_memory_(MemTotal|MemAvailable|MemFree|SwapTotal|SwapFree)_bytes",${i}}`,
  network: (i: string) =>
    `${named('in', `sum(rate(node_network_receive_bytes_total{${i},device!="lo"}[1m]))`)} or ${named('out', `sum(rate(node_network_transmit_bytes_total{${i},device!="lo"}[1m]))`)}`,
  disk: (i: string) =>
    `${named('in', `sum(rate(node_disk_read_bytes_total{${i}}[1m]))`)} or ${named('out', `sum(rate(node_disk_written_bytes_total{${i}}[1m]))`)}`,
  pressure: (i: string) =>
    ['cpu', 'io', 'memory']
      .map((what) => named(what, `rate(node_pressure_${what}_waiting_seconds_total{${i}}[1m]) * 100`))
      .join(' or '),
  // `or` joins only what differs in a label other than the name, so one selector with several names where that is possible.
  facts: (i: string) =>
    `{__name__=~"node_uname_info|node_os_info|node_boot_time_seconds|node_time_seconds",${i}} or ${named('cores', `count(count by (cpu) (node_cpu_seconds_total{${i}}))`)}`,
  space: (i: string) =>
    `{__name__=~"node_filesystem_(size|avail)_bytes",${i},${real}} or {__name__=~"node_memory_Swap(Total|Free)_bytes",${i}}`,
  server: () =>
    [
      named('series', 'sum(prometheus_tsdb_head_series)'),
      named('samples', 'sum(rate(prometheus_tsdb_head_samples_appended_total[1m]))'),
      named('memory', 'sum(process_resident_memory_bytes and on (instance, job) prometheus_tsdb_head_series)'),
      named(
        'disk',
        'sum({__name__=~"prometheus_tsdb_(storage_blocks|wal_storage_size|head_chunks_storage_size)_bytes"})',
      ),
    ].join(' or '),
};
