// Shell: the rail with the pages, the bar above them, keyboard shortcuts.
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { reachable } from './api';
import { go, href, page, type Page } from './router';
import { language, setLanguage, t, type Language, type TextKey } from './text';
import { Icon, type IconName } from './ui/icons';
import { Note } from './ui/parts';
import { setTheme, theme, type Theme } from './ui/theme';

interface Entry {
  page: Page;
  text: TextKey;
  icon: IconName;
}

const entries: readonly Entry[] = [
  { page: '', text: 'home', icon: 'home' },
  { page: 'query', text: 'query', icon: 'query' },
  { page: 'targets', text: 'targets', icon: 'targets' },
];
const serverEntries: readonly Entry[] = [
  { page: 'status', text: 'runtime', icon: 'status' },
  { page: 'tsdb-status', text: 'tsdb', icon: 'tsdb' },
  { page: 'flags', text: 'flags', icon: 'flags' },
  { page: 'config', text: 'config', icon: 'config' },
  { page: 'service-discovery', text: 'discovery', icon: 'discovery' },
];

const narrow = signal(localStorageGet('vigie.narrow') === '1');
const help = signal(false);

function localStorageGet(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function toggleNarrow(): void {
  narrow.value = !narrow.value;
  try {
    localStorage.setItem('vigie.narrow', narrow.value ? '1' : '0');
  } catch {
    /* not kept, then */
  }
}

const shortcuts: readonly { keys: string; text: TextKey; run: () => void }[] = [
  { keys: 'g h', text: 'goHome', run: () => go(href('')) },
  { keys: 'g q', text: 'goQuery', run: () => go(href('query')) },
  { keys: 'g t', text: 'goTargets', run: () => go(href('targets')) },
  {
    keys: '?',
    text: 'key_help',
    run: () => {
      help.value = !help.value;
    },
  },
];

// "g" then a letter within a second, as Grafana has it; nothing while somebody types.
function listen(): () => void {
  let first = -Infinity; // when "g" was pressed
  const onKey = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (event.key === 'Escape') help.value = false;
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      target.isContentEditable ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    )
      return;
    const keys = event.timeStamp - first < 1000 ? `g ${event.key}` : event.key;
    first = event.key === 'g' ? event.timeStamp : -Infinity;
    shortcuts.find((shortcut) => shortcut.keys === keys)?.run();
  };
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}

function Rail() {
  const link = (entry: Entry) => (
    <a
      key={entry.page}
      href={href(entry.page)}
      aria-current={page.value === entry.page ? 'page' : undefined}
      title={t(entry.text)}
    >
      <Icon name={entry.icon} />
      <span class="label">{t(entry.text)}</span>
    </a>
  );
  return (
    <nav class="rail" aria-label="Vigie">
      <div class="brand">
        <button
          class="plain label-toggle"
          aria-label={t('collapse')}
          aria-expanded={!narrow.value}
          onClick={toggleNarrow}
        >
          <Icon name="menu" />
        </button>
        <b class="label">Vigie</b>
      </div>
      {entries.map(link)}
      <h2>{t('server')}</h2>
      {serverEntries.map(link)}
    </nav>
  );
}

function Help() {
  useEffect(() => document.querySelector<HTMLElement>('.dialog button')?.focus(), []);
  return (
    <div
      class="dialog"
      role="dialog"
      aria-modal="true"
      aria-label={t('shortcuts')}
      onClick={(event) => {
        if (event.target === event.currentTarget) help.value = false;
      }}
    >
      <div>
        <h2>{t('shortcuts')}</h2>
        <table>
          <tbody>
            {shortcuts.map((shortcut) => (
              <tr key={shortcut.keys}>
                <td>
                  {shortcut.keys.split(' ').map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </td>
                <td>{t(shortcut.text)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p>
          <button
            onClick={() => {
              help.value = false;
            }}
          >
            {t('close')}
          </button>
        </p>
      </div>
    </div>
  );
}

function Choices() {
  return (
    <>
      <button
        class="plain"
        aria-label={t('shortcuts')}
        title={t('shortcuts')}
        onClick={() => {
          help.value = true;
        }}
      >
        <kbd>?</kbd>
      </button>
      <select
        aria-label={t('language')}
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      >
        <option value="en">English</option>
        <option value="fr">Français</option>
      </select>
      <select
        aria-label={t('theme')}
        value={theme.value}
        onChange={(event) => setTheme(event.currentTarget.value as Theme)}
      >
        <option value="auto">{t('themeAuto')}</option>
        <option value="light">{t('themeLight')}</option>
        <option value="dark">{t('themeDark')}</option>
      </select>
    </>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  useEffect(listen, []);
  const entry = [...entries, ...serverEntries].find((one) => one.page === page.value);
  const title = entry ? t(entry.text) : '404';
  useEffect(() => {
    document.title = page.value === '' ? 'Vigie' : `${title} · Vigie`;
  }, [title, page.value]);
  return (
    <div class={narrow.value ? 'shell narrow' : 'shell'}>
      <a class="visually-hidden" href="#content">
        {t('skip')}
      </a>
      <Rail />
      <div class="main">
        <header class="top">
          <h1>{title}</h1>
          <span class="spacer" />
          <Choices />
        </header>
        <main class="page" id="content" tabIndex={-1}>
          {!reachable.value && <Note kind="bad">{t('unreachable')}</Note>}
          {children}
        </main>
      </div>
      {help.value && <Help />}
    </div>
  );
}
