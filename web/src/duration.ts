// Durations in Prometheus's form: 1h30m.

export const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['w', 604800],
  ['d', 86400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

// Prometheus's form: 1h30m. Whole seconds; below one second milliseconds.
export function formatDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  let rest = Math.round(seconds);
  let text = '';
  for (const [unit, size] of DURATION_UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || '0s';
}

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const DURATION_SECONDS = [31536000, 604800, 86400, 3600, 60, 1, 0.001];

// Seconds of a Prometheus duration ("1h30m", "0"), or null.
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  const found = DURATION.exec(text);
  if (!found || text === '') return null;
  return DURATION_SECONDS.reduce((sum, size, i) => sum + Number(found[i + 1] ?? 0) * size, 0);
}
