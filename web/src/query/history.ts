// The expressions that were asked last, newest first, kept in the browser.
import { signal } from '@preact/signals';

const KEY = 'vigie.history';
const MAX = 50;

function load(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string').slice(0, MAX) : [];
  } catch {
    return [];
  }
}

export const asked = signal<readonly string[]>(load());

export function remember(expression: string): void {
  if (expression.trim() === '') return;
  asked.value = [expression, ...asked.value.filter((one) => one !== expression)].slice(0, MAX);
  try {
    localStorage.setItem(KEY, JSON.stringify(asked.value));
  } catch {
    /* not kept, then */
  }
}
