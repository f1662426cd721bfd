// Query: panels, all of whose state is in the URL.
import { replaceSearch, search } from '../router';
import { t } from '../text';
import { QueryPanel } from './panel';
import { emptyPanel, formatPanels, parsePanels, type PanelState } from './url';

export default function QueryPage() {
  const read = parsePanels(search.value);
  const panels = read.length > 0 ? read : [emptyPanel()];
  const write = (next: readonly PanelState[]) => replaceSearch(formatPanels(next), true);
  return (
    <div class="grid">
      {panels.map((panel, i) => (
        <QueryPanel
          key={i}
          panel={panel}
          update={(change) => write(panels.map((one, k) => (k === i ? { ...one, ...change } : one)))}
          remove={panels.length > 1 ? () => write(panels.filter((_, k) => k !== i)) : undefined}
        />
      ))}
      <div class="full">
        <button onClick={() => write([...panels, { ...emptyPanel(), tab: panels[panels.length - 1]?.tab ?? 'table' }])}>
          + {t('addPanel')}
        </button>
      </div>
    </div>
  );
}
