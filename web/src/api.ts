// The Prometheus API. Its base stands in the page, so that the same interface works on every port and below any prefix.
import { signal } from '@preact/signals';

export interface Histogram {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}
export interface Series {
  metric: Record<string, string>;
  values?: [number, string][];
  value?: [number, string];
  histograms?: [number, Histogram][];
  histogram?: [number, Histogram];
}
export interface QueryData {
  resultType: 'vector' | 'matrix' | 'scalar' | 'string';
  result: Series[] | [number, string];
}
export interface Answer<T> {
  status: string;
  data: T;
  error?: string;
  errorType?: string;
  warnings?: string[];
  infos?: string[];
  message?: string; // an error in Grafana's words, from the proxy in between
}

export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

// Pages lie one level deep, so everything up to the last slash is the base of all links.
export const basePath = location.pathname.replace(/[^/]*$/, '');
const apiPath = document.querySelector<HTMLMetaElement>('meta[name=vigie-api]')?.content ?? 'api/v1';

export const apiUrl = (path: string): string => `${basePath}${apiPath}/${path}`;

async function read<T>(reply: Response): Promise<Answer<T>> {
  let answer: Answer<T>;
  try {
    answer = (await reply.json()) as Answer<T>;
  } catch {
    throw new ApiError('network', `${reply.status} ${reply.statusText}`);
  }
  if (answer.status !== 'success') {
    throw new ApiError(
      answer.errorType ?? 'unknown',
      answer.error ?? answer.message ?? `${reply.status} ${reply.statusText}`,
    );
  }
  return answer;
}

// False from a request that got no answer at all until one that does.
export const reachable = signal(true);

async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    const reply = await fetch(apiUrl(path), init);
    reachable.value = true;
    return reply;
  } catch (error) {
    if (!init.signal?.aborted) reachable.value = false;
    throw error;
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  return read<T>(await ask(path, { signal: signal ?? null }));
}

// POST, because a long expression does not fit into a URL.
export async function post<T>(
  path: string,
  parameters: Record<string, string>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  return read<T>(await ask(path, { method: 'POST', body: new URLSearchParams(parameters), signal: signal ?? null }));
}

export function queryInstant(query: string, time?: number, signal?: AbortSignal): Promise<Answer<QueryData>> {
  return post('query', time === undefined ? { query } : { query, time: String(time) }, signal);
}

export function queryRange(
  query: string,
  start: number,
  end: number,
  step: number,
  signal?: AbortSignal,
): Promise<Answer<QueryData>> {
  return post('query_range', { query, start: String(start), end: String(end), step: String(step) }, signal);
}

// name{label="value"}: how a series is written.
export function seriesName(metric: Record<string, string>): string {
  const labels = Object.entries(metric)
    .filter(([name]) => name !== '__name__')
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const name = metric.__name__ ?? '';
  return labels.length > 0 || name === '' ? `${name}{${labels.join(', ')}}` : name;
}
