// The controls of a panel that stand beside its tabs: when, how long, how fine, how drawn.
import { formatDuration, parseDuration } from '../duration';
import { t } from '../text';
import { Icon } from '../ui/icons';
import type { Density, PanelState, Resolution } from './url';

type Update = (change: Partial<PanelState>) => void;

const RANGES = [
  1, 10, 60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 1209600, 2419200, 4838400, 9676800,
  31536000,
];
const STEPS = [1, 5, 10, 15, 30, 60, 300, 900, 3600, 86400];
const DENSITIES: readonly Density[] = ['low', 'medium', 'high'];

const pad = (number: number): string => String(number).padStart(2, '0');

// Times are typed and shown in the browser's time zone, by the 24 hour clock whatever the language.
function localText(unixSeconds: number): string {
  const at = new Date(unixSeconds * 1000);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

// Unix seconds; null for an empty text (now), undefined for one that is no time.
function parseLocal(text: string): number | null | undefined {
  const found = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text.trim());
  if (text.trim() === '') return null;
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
}

export function TimeControl({ panel, update, label }: { panel: PanelState; update: Update; label: string }) {
  const move = (by: number) => update({ end: Math.round((panel.end ?? Date.now() / 1000) + (by * panel.range) / 2) });
  return (
    <span class="group">
      <button aria-label={t('earlier')} title={t('earlier')} onClick={() => move(-1)}>
        ‹
      </button>
      <input
        class="time"
        aria-label={label}
        title={label}
        placeholder={t('timePlaceholder')}
        value={panel.end === null ? '' : localText(panel.end)}
        onChange={(event) => {
          const end = parseLocal(event.currentTarget.value);
          if (end === undefined) event.currentTarget.value = panel.end === null ? '' : localText(panel.end);
          else update({ end });
        }}
      />
      <button aria-label={t('later')} title={t('later')} onClick={() => move(1)}>
        ›
      </button>
      <button aria-pressed={panel.end === null} onClick={() => update({ end: null })}>
        {t('now')}
      </button>
    </span>
  );
}

export function RangeControl({ panel, update }: { panel: PanelState; update: Update }) {
  const shorter = [...RANGES].reverse().find((range) => range < panel.range);
  const longer = RANGES.find((range) => range > panel.range);
  return (
    <span class="group">
      <button
        aria-label={t('shorter')}
        title={t('shorter')}
        disabled={!shorter}
        onClick={() => shorter && update({ range: shorter })}
      >
        −
      </button>
      <input
        class="short"
        aria-label={t('range')}
        title={t('range')}
        value={formatDuration(panel.range)}
        onChange={(event) => {
          const range = parseDuration(event.currentTarget.value.trim());
          if (range) update({ range });
          else event.currentTarget.value = formatDuration(panel.range);
        }}
      />
      <button
        aria-label={t('longer')}
        title={t('longer')}
        disabled={!longer}
        onClick={() => longer && update({ range: longer })}
      >
        +
      </button>
    </span>
  );
}

const resolutionText = (resolution: Resolution): string =>
  resolution.type === 'auto' ? resolution.density : String(resolution.step);

export function ResolutionControl({ panel, update }: { panel: PanelState; update: Update }) {
  const { resolution } = panel;
  const steps =
    resolution.type === 'auto' || STEPS.includes(resolution.step)
      ? STEPS
      : [...STEPS, resolution.step].sort((a, b) => a - b);
  const choose = (text: string) => {
    const density = DENSITIES.find((one) => one === text);
    update({
      resolution: density
        ? { type: 'auto', density }
        : { type: STEPS.includes(Number(text)) ? 'fixed' : 'custom', step: Number(text) },
    });
  };
  return (
    <select
      aria-label={t('resolution')}
      title={t('resolution')}
      value={resolutionText(resolution)}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {DENSITIES.map((density) => (
        <option key={density} value={density}>
          {t('resolution')}: {t(density)}
        </option>
      ))}
      {steps.map((step) => (
        <option key={step} value={step}>
          {t('every')} {formatDuration(step)}
        </option>
      ))}
    </select>
  );
}

export function DisplayControl({ panel, update }: { panel: PanelState; update: Update }) {
  return (
    <span class="group">
      <button aria-pressed={!panel.stacked} onClick={() => update({ stacked: false })}>
        {t('lines')}
      </button>
      <button aria-pressed={panel.stacked} onClick={() => update({ stacked: true })}>
        {t('stacked')}
      </button>
      <button
        aria-pressed={panel.yMin === 0}
        disabled={panel.stacked}
        onClick={() => update({ yMin: panel.yMin === 0 ? null : 0 })}
      >
        {t('fromZero')}
      </button>
    </span>
  );
}

export function CloseButton({ onClick, label }: { onClick: () => void; label: string }) {
  return (
    <button class="plain" aria-label={label} title={label} onClick={onClick}>
      <Icon name="close" />
    </button>
  );
}
