// Frame: the answer of a range query on one common time axis, as charts want it.
import type { QueryData, Series } from './api';

export interface FrameRow {
  labels: Record<string, string>;
  values: (number | null)[];
}
export interface Frame {
  times: number[];
  rows: FrameRow[];
}

// null stands where a series has no value, or none that can be drawn.
export function toFrame(data: QueryData, start: number, end: number, step: number): Frame {
  const times: number[] = [];
  const count = Math.floor((end - start) / step + 1e-6) + 1;
  for (let i = 0; i < count; i++) times.push(start + i * step);
  const rows = (data.result as Series[]).map((series) => {
    const values = new Array<number | null>(count).fill(null);
    for (const [at, text] of series.values ?? []) {
      const value = Number(text);
      values[Math.round((at - start) / step)] = Number.isFinite(value) ? value : null;
    }
    return { labels: series.metric, values };
  });
  return { times, rows };
}

// The last value there is.
export function last(values: (number | null)[]): number | null {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i] as number;
  return null;
}
