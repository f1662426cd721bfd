// Light or dark: the system's choice unless the user made one. Charts draw their axes anew when it changes.
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';

const chosen = document.documentElement.dataset.theme;
export const theme = signal<Theme>(chosen === 'light' || chosen === 'dark' ? chosen : 'auto');
// Counts changes of the colours in force, whoever made them.
export const paint = signal(0);

export function setTheme(next: Theme): void {
  theme.value = next;
  if (next === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'auto') localStorage.removeItem('vigie.theme');
    else localStorage.setItem('vigie.theme', next);
  } catch {
    /* not kept, then */
  }
  paint.value++;
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => paint.value++);
