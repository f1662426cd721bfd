// Small parts that several pages use.
import type { ComponentChildren } from 'preact';
import { t } from '../text';
import { Icon } from './icons';

export function Note({ kind = '', children }: { kind?: '' | 'bad' | 'warn'; children: ComponentChildren }) {
  return (
    <div class={`note ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

// Health is told by sign and word; colour only repeats it.
export function Health({ state }: { state: string }) {
  const known = state === 'up' || state === 'down' ? state : 'unknown';
  const tone = { up: 'good', down: 'bad', unknown: 'muted' }[known];
  return (
    <span class={`badge ${tone}`}>
      <Icon name={known} />
      {t(known)}
    </span>
  );
}

export function LabelSet({ labels }: { labels: Record<string, string> }) {
  return (
    <div class="labels mono">
      {Object.entries(labels).map(([name, value]) => (
        <span key={name}>
          {name}="{value}"
        </span>
      ))}
    </div>
  );
}

export function Loading() {
  return (
    <p class="muted" role="status">
      {t('loading')}
    </p>
  );
}
