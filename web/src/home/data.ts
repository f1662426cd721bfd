// What Home asks for: one machine's metrics over the last half hour, a range query a panel.
import { queryInstant, queryRange, type QueryData, type Series } from '../api';

export const WINDOW_SECONDS = 1800;
export const STEP_SECONDS = 10;
export const REFRESH_MS = 5000;

export interface Frame { times: number[]; rows: { labels: Record<string, string>; values: (number | null)[] }[] }

// A range answer on one common time axis, with null where a series has no value.
export function toFrame(data: QueryData, start: number, end: number, step: number): Frame {
  const times: number[] = [];
  for (let at = start; at <= end + 1e-6; at += step) times.push(at);
  const rows = (data.result as Series[]).map((series) => {
    const values = new Array<number | null>(times.length).fill(null);
    for (const [at, text] of series.values ?? []) {
      const value = Number(text);
      values[Math.round((at - start) / step)] = Number.isFinite(value) ? value : null;
    }
    return { labels: series.metric, values };
  });
  return { times, rows };
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

// The last value there is.
export function last(values: (number | null)[]): number | null {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i] as number;
  return null;
}

// PromQL for one machine. `i` is the matcher of its instance; windows are wide enough for a scrape every 15 s.
const real = 'fstype!~"tmpfs|ramfs|devtmpfs|overlay|squashfs|fuse.*"';
export const expressions = {
  cpu: (i: string) => `sum by (mode) (rate(node_cpu_seconds_total{${i},mode!="idle"}[1m])) / scalar(count(count by (cpu) (node_cpu_seconds_total{${i}}))) * 100`,
  load: (i: string) => `{__name__=~"node_load(1|5|15)",${i}}`,
  memory: (i: string) => `{__name__=~"node_memory_(MemTotal|MemAvailable|MemFree|SwapTotal|SwapFree)_bytes",${i}}`,
  network: (i: string) => `label_replace(sum(rate(node_network_receive_bytes_total{${i},device!="lo"}[1m])), "way", "in", "", "") or label_replace(sum(rate(node_network_transmit_bytes_total{${i},device!="lo"}[1m])), "way", "out", "", "")`,
  disk: (i: string) => `label_replace(sum(rate(node_disk_read_bytes_total{${i}}[1m])), "way", "in", "", "") or label_replace(sum(rate(node_disk_written_bytes_total{${i}}[1m])), "way", "out", "", "")`,
  pressure: (i: string) => `label_replace(rate(node_pressure_cpu_waiting_seconds_total{${i}}[1m]) * 100, "what", "cpu", "", "") or label_replace(rate(node_pressure_io_waiting_seconds_total{${i}}[1m]) * 100, "what", "io", "", "") or label_replace(rate(node_pressure_memory_waiting_seconds_total{${i}}[1m]) * 100, "what", "memory", "", "")`,
  facts: (i: string) => `node_uname_info{${i}} or node_os_info{${i}} or node_boot_time_seconds{${i}} or node_time_seconds{${i}} or count by (fact) (label_replace(count by (cpu) (node_cpu_seconds_total{${i}}), "fact", "cores", "", ""))`,
  space: (i: string) => `node_filesystem_size_bytes{${i},${real}} or node_filesystem_avail_bytes{${i},${real}}`,
  server: () => 'prometheus_tsdb_head_series or sum(rate(prometheus_tsdb_head_samples_appended_total[1m])) or process_resident_memory_bytes{job="prometheus"}',
};
