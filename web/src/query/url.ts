// The Query page's state in the URL, in Prometheus's own form: g0.expr, g0.tab, … g1.expr, … Old and new spellings are read, the
// new ones written, so that links from Prometheus open here and links from here open there.
import { formatDuration, parseDuration } from '../duration';

export type Density = 'low' | 'medium' | 'high';
export type Resolution = { type: 'auto'; density: Density } | { type: 'fixed' | 'custom'; step: number };

export interface PanelState {
  expr: string;
  tab: 'table' | 'graph';
  range: number; // seconds
  end: number | null; // Unix seconds; null: now
  resolution: Resolution;
  stacked: boolean;
  yMin: number | null; // null: what fits
  exemplars: boolean; // not drawn here, kept for the next reader
  tree: boolean; // likewise
}

export const emptyPanel = (): PanelState => ({
  expr: '',
  tab: 'table',
  range: 3600,
  end: null,
  resolution: { type: 'auto', density: 'medium' },
  stacked: false,
  yMin: null,
  exemplars: false,
  tree: false,
});

// "YYYY-MM-DD HH:mm[:ss]" in UTC, as Prometheus writes it.
export function parseTime(text: string): number | null {
  const found = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?Z?$/.exec(text.trim());
  const at = found ? Date.parse(`${found[1]}T${found[2] ?? '00:00'}Z`) : NaN;
  return Number.isNaN(at) ? null : at / 1000;
}

export const formatTime = (unixSeconds: number): string =>
  new Date(unixSeconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

function parseResolution(get: (name: string) => string | null): Resolution {
  const fallback: Resolution = { type: 'auto', density: 'medium' };
  const type = get('res_type');
  const density = get('res_density');
  const step = Number.parseFloat(get('res_step') ?? '');
  const oldStep = Number.parseFloat(get('step_input') ?? '');
  if ((type === 'fixed' || type === 'custom') && step > 0) return { type, step };
  if (type === 'auto' && (density === 'low' || density === 'medium' || density === 'high')) return { type, density };
  return type === null && oldStep > 0 ? { type: 'custom', step: oldStep } : fallback;
}

function parsePanel(get: (name: string) => string | null): PanelState {
  const panel = emptyPanel();
  const tab = get('tab');
  const display = get('display_mode');
  const end = get('moment_input') ?? get('end_input');
  const yMin = Number.parseFloat(get('y_axis_min') ?? '');
  return {
    ...panel,
    expr: get('expr') ?? '',
    tab: tab === '0' || tab === 'graph' ? 'graph' : 'table',
    range: parseDuration(get('range_input') ?? '') || panel.range,
    end: end === null ? null : parseTime(end),
    resolution: parseResolution(get),
    stacked: get('stacked') === null ? display === 'stacked' : get('stacked') === '1',
    yMin: Number.isFinite(yMin) ? yMin : null,
    exemplars: get('show_exemplars') === '1',
    tree: get('show_tree') === '1',
  };
}

// Panels count from 0; the first that has no expression ends them.
export function parsePanels(search: string): PanelState[] {
  const parameters = new URLSearchParams(search);
  const panels: PanelState[] = [];
  while (parameters.has(`g${panels.length}.expr`)) {
    const prefix = `g${panels.length}.`;
    panels.push(parsePanel((name) => parameters.get(prefix + name)));
  }
  return panels;
}

function formatPanel(panel: PanelState): [string, string][] {
  const { resolution } = panel;
  const end: [string, string][] =
    panel.end === null
      ? []
      : [
          ['end_input', formatTime(panel.end)],
          ['moment_input', formatTime(panel.end)],
        ];
  return [
    ['expr', panel.expr],
    ['show_tree', panel.tree ? '1' : '0'],
    ['tab', panel.tab],
    ...end,
    ['range_input', formatDuration(panel.range)],
    ['res_type', resolution.type],
    resolution.type === 'auto' ? ['res_density', resolution.density] : ['res_step', String(resolution.step)],
    ['display_mode', panel.stacked ? 'stacked' : 'lines'],
    ...(panel.yMin === null ? [] : [['y_axis_min', String(panel.yMin)] as [string, string]]),
    ['show_exemplars', panel.exemplars ? '1' : '0'],
  ];
}

export function formatPanels(panels: readonly PanelState[]): string {
  const parameters = new URLSearchParams();
  panels.forEach((panel, i) =>
    formatPanel(panel).forEach(([name, value]) => parameters.append(`g${i}.${name}`, value)),
  );
  return panels.length > 0 ? `?${parameters}` : '';
}

// Seconds between two points of a graph: so many over the whole range, but never below one second.
export function stepOf({ resolution, range }: PanelState): number {
  if (resolution.type !== 'auto') return resolution.step;
  const points = { low: 100, medium: 250, high: 750 }[resolution.density];
  return Math.max(Math.floor(range / points), 1);
}
