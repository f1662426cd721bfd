// Numbers, sizes, durations and times as people read them, in the language chosen.
import { DURATION_UNITS } from './duration';
import { language } from './text';

export { formatDuration } from './duration';

const NARROW_SPACE = ' ';

function decimals(value: number): number {
  const size = Math.abs(value);
  return size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
}

export function formatNumber(value: number, digits = decimals(value)): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  return new Intl.NumberFormat(language.value, { maximumFractionDigits: digits }).format(value);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let step = 0;
  let rest = value;
  while (Math.abs(rest) >= base && step < units.length - 1) {
    rest /= base;
    step++;
  }
  return formatNumber(rest) + NARROW_SPACE + units[step];
}

export function formatBytes(value: number): string {
  const letter = language.value === 'fr' ? 'o' : 'B';
  return scaled(
    value,
    1024,
    ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'].map((prefix) => prefix + letter),
  );
}

export function formatBytesRate(value: number): string {
  return formatBytes(value) + '/s';
}

export function formatPercent(value: number): string {
  return formatNumber(value, Math.abs(value) < 10 ? 1 : 0) + NARROW_SPACE + '%';
}

// Thousands and up get a letter: 1.2 k, 3.4 M.
export function formatShort(value: number): string {
  if (Math.abs(value) > 0 && Math.abs(value) < 0.01) return value.toPrecision(2);
  return Math.abs(value) < 10000 ? formatNumber(value) : scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
}

// The two largest units: 3d 4h.
export function formatUptime(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.floor(seconds));
  const names =
    language.value === 'fr'
      ? { w: 'sem', d: 'j', h: 'h', m: 'min', s: 's' }
      : { w: 'w', d: 'd', h: 'h', m: 'min', s: 's' };
  for (const [unit, size] of DURATION_UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0 && parts.length < 2) parts.push(`${count}${NARROW_SPACE}${names[unit as keyof typeof names]}`);
    rest -= count * size;
  }
  return parts.join(' ') || `0${NARROW_SPACE}s`;
}

export function formatClock(unixSeconds: number, withDate: boolean): string {
  return new Intl.DateTimeFormat(language.value, {
    ...(withDate ? { year: 'numeric', month: '2-digit', day: '2-digit' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(unixSeconds * 1000);
}

const AGO_UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

// "4 sec. ago", "il y a 4 s".
export function formatAgo(seconds: number): string {
  const [unit, size] = AGO_UNITS.find(([, least]) => seconds >= 2 * least) ?? (['second', 1] as const);
  return new Intl.RelativeTimeFormat(language.value, { style: 'short' }).format(
    -Math.max(0, Math.round(seconds / size)),
    unit,
  );
}
